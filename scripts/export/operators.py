"""Sampling and grouping in operators that ONNX has.

Shapes in comments: b clouds, n points, s centres, k neighbours, c channels. In an export b and n stay
dynamic, because corruptions remove and add points; every other length is a constant of the graph.
"""

import torch

PASSED_OVER = 1e-3  # squared distance from the origin
BLOCKS = [1 << i for i in range(10)]  # numbers of threads that the reference's GPU routine runs with
OUTSIDE = torch.iinfo(torch.int32).max


@torch.jit.script
def _farthest(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor, nearest: torch.Tensor, count: int) -> torch.Tensor:
    """Scripted, because a traced loop would be unrolled: it becomes one ONNX Loop of 15 nodes.
    nearest (b, n) holds the distances before the first centre, which is point 0."""
    last = torch.zeros_like(x[:, :1], dtype=torch.int64)
    chosen = last
    for _ in range(1, count):
        dx = x - x.gather(1, last)
        dy = y - y.gather(1, last)
        dz = z - z.gather(1, last)
        nearest = torch.minimum(nearest, dx * dx + dy * dy + dz * dz)
        last = nearest.argmax(1, keepdim=True)
        chosen = torch.cat([chosen, last], 1)
    return chosen


def farthest_points(points, count):
    """Farthest point sampling from point 0, ties to the lowest index: points (b, n, 3) to indices (b, count)."""
    x, y, z = points.unbind(2)
    return _farthest(x, y, z, torch.full_like(x, 1e10), count)


def farthest_points_gpu(points, count):
    """As farthest_points, with two properties of the CUDA routine of Point-MAE and related models.

    Points within sqrt(0.001) of the origin are never chosen, unless nothing else is left: then
    it is point 0. And a tie goes to the lowest index modulo the block of threads, then to the lowest
    index; so points are looked at in that order.
    """
    order = _tie_order(points.shape[1])
    x, y, z = points[:, order].unbind(2)
    near_origin = x * x + y * y + z * z <= PASSED_OVER
    nearest = torch.where(near_origin, torch.full_like(x, -1.0), torch.full_like(x, 1e10))
    return order[_farthest(x, y, z, nearest, count)]


def _tie_order(n):
    index, blocks = torch.arange(n), torch.tensor(BLOCKS)
    block = torch.where(blocks <= n, blocks, 1).amax()  # the largest that is no more than the points
    return (index % block * n + index).argsort()


def take(x, index):
    """Rows of x (b, n, c) at index (b, ...), as (b, ..., c): one Gather, which is faster than GatherElements."""
    first = torch.arange(x.shape[0]) * x.shape[1]
    return x.reshape(-1, int(x.shape[2]))[index + first.reshape(-1, *[1] * (index.dim() - 1))]


def squared_distances(a, b):
    """Between points (b, s, 3) and (b, n, 3), from plain differences: (b, s, n)."""
    total = None
    for axis in range(3):
        difference = a[:, :, axis : axis + 1] - b[:, :, axis].unsqueeze(1)
        total = difference * difference if total is None else total + difference * difference
    return total


def expanded_squared_distances(a, b):
    """As |a|^2 + |b|^2 - 2 a.b between rows (b, s, c) and (b, n, c): (b, s, n)."""
    return (a * a).sum(2, keepdim=True) + (b * b).sum(2).unsqueeze(1) - 2 * (a @ b.transpose(1, 2))


def nearest(distances, k):
    """The k smallest of each row (b, s, n), in no particular order: indices (b, s, k)."""
    return distances.topk(k, dim=2, largest=False, sorted=False).indices


def ball(distances, radius, k):
    """The first k by index of those within the radius, the first one repeated if there are fewer:
    squared distances (b, s, n) to indices (b, s, k)."""
    index = torch.arange(distances.shape[2], dtype=torch.int32).expand_as(distances)
    inside = torch.where(distances <= radius**2, index, torch.full_like(index, OUTSIDE))
    first = inside.topk(k, dim=2, largest=False, sorted=True).values
    return torch.where(first == OUTSIDE, first[:, :, :1], first).to(torch.int64)
