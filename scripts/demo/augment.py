"""The pre-training's augmentation. Clouds are (batch, points, 3), y points up."""

import math

import torch


def augment(x):
    """Makes clouds of one random, smaller number of points that look like measurements: seen from one side, with cuts
    and holes, floor and wall, turned to any heading, tilted, stretched, noisy, and with points that do not belong."""
    points = int(torch.randint(64, 257, ()))
    y = draw(x, visible(x) * uncut(x) * outside_holes(x), points)
    y = to_unit_sphere(with_background(y, x))
    y = distorted(y)
    return with_stray_points(y)


def uniform(lo, hi, *shape):
    return lo + (hi - lo) * torch.rand(*shape)


def some(share, *shape):
    """1 for a random share of the clouds, and 0 for the others."""
    return (torch.rand(*shape) < share).float()


def rotation(angles):
    """Rotation matrices (batch, 3, 3) from angles about x, y and z (batch, 3)."""
    matrix = torch.eye(3).expand(len(angles), 3, 3)
    for axis in range(3):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        turn = torch.eye(3).repeat(len(angles), 1, 1)
        sin, cos = angles[:, axis].sin(), angles[:, axis].cos()
        turn[:, i, i], turn[:, j, j], turn[:, i, j], turn[:, j, i] = cos, cos, -sin, sin
        matrix = turn @ matrix
    return matrix


def to_unit_sphere(x):
    x = x - x.mean(1, keepdim=True)
    return x / x.norm(dim=2).amax(1)[:, None, None]


def visible(x, cells=14):
    """1 for points that a camera sees, for 60 % of the clouds: those less than 0.15 behind the foremost point of their
    cell, in a grid of cells x cells. The camera is at any heading, 3 to 43 degrees above the object."""
    batch = len(x)
    one_sided = some(0.6, batch, 1)
    angles = torch.zeros(batch, 3)
    angles[:, 1] = uniform(0, 2 * math.pi, batch)
    y = to_unit_sphere(x) @ rotation(angles)
    angles = torch.zeros(batch, 3)
    angles[:, 0] = uniform(0.05, 0.75, batch)
    y = y @ rotation(angles)
    column, line = ((y[:, :, :2] + 1) / 2 * cells).long().clamp(0, cells - 1).unbind(2)
    cell = column * cells + line
    foremost = torch.full((batch, cells * cells), -9.0).scatter_reduce(1, cell, y[:, :, 2], "amax")
    seen = (y[:, :, 2] > foremost.gather(1, cell) - 0.15).float()
    return torch.where(one_sided > 0, seen, 1.0)


# The weight of points that are cut away. It is not 0, so that a cloud keeps points whatever is cut.
REMOVED = 1e-4


def uncut(x):
    """A plane cuts up to half of the extent off 30 % of the clouds."""
    batch = len(x)
    normal = torch.nn.functional.normalize(torch.randn(batch, 3, 1), dim=1)
    height = (x @ normal)[:, :, 0]
    low, high = height.amin(1, keepdim=True), height.amax(1, keepdim=True)
    cut = low + (high - low) * uniform(0, 0.5, batch, 1) * some(0.3, batch, 1)
    return torch.where(height >= cut, 1.0, REMOVED)


def outside_holes(x):
    """Up to two balls around points of the cloud are empty."""
    batch, many, _ = x.shape
    weight = torch.ones(batch, many)
    for _ in range(2):
        centre = x.gather(1, torch.randint(many, (batch, 1, 1)).expand(-1, 1, 3))
        radius = uniform(0, 0.5, batch, 1) * some(0.4, batch, 1)
        weight = weight * torch.where((x - centre).norm(dim=2) < radius, REMOVED, 1.0)
    return weight


def draw(x, weight, points):
    """Draws points with replacement."""
    pick = torch.multinomial(weight + 1e-5, points, replacement=True)
    return x.gather(1, pick[:, :, None].expand(-1, -1, 3))


def with_background(y, x):
    """Up to 30 % of the points of 60 % of the clouds are on the floor below x or on a wall behind it."""
    batch, points, _ = y.shape
    low, high = x.amin(1, keepdim=True), x.amax(1, keepdim=True)
    margin = uniform(0.05, 0.4, batch, 1, 1)
    floor = low - margin + (high - low + 2 * margin) * torch.rand(batch, points, 3)
    wall = floor.clone()
    floor[:, :, 1], wall[:, :, 2] = low[:, :, 1], (low - margin)[:, :, 2]
    on_wall = torch.rand(batch, points) < uniform(0.2, 0.8, batch, 1) * some(0.4, batch, 1)
    room = torch.where(on_wall[:, :, None], wall, floor)
    replaced = torch.rand(batch, points) < uniform(0, 0.3, batch, 1) * some(0.6, batch, 1)
    return torch.where(replaced[:, :, None], room, y)


def distorted(y):
    """Turned to any heading, tilted up to 23 degrees about both other axes, stretched, and noisy."""
    batch = len(y)
    angles = uniform(-0.4, 0.4, batch, 3) * some(0.5, batch, 1)
    angles[:, 1] = uniform(0, 2 * math.pi, batch)
    y = y @ rotation(angles)
    y = y * torch.exp(uniform(-0.5, 0.5, batch, 1, 3) * some(0.6, batch, 1, 1))
    return y + torch.randn_like(y) * uniform(0, 0.05, batch, 1, 1)


def with_stray_points(y):
    """Up to 15 % of the points of half of the clouds are anywhere, and up to 25 % of 40 % of them in a clump."""
    batch, points, _ = y.shape
    y = y.clone()
    count = int(points * 0.15 * torch.rand(()))
    changed = some(0.5, batch, 1, 1)
    y[:, :count] = torch.where(changed > 0, uniform(-1, 1, batch, count, 3), y[:, :count])
    count = 1 + int(points * 0.25 * torch.rand(()))
    centre = y.gather(1, torch.randint(points, (batch, 1, 1)).expand(-1, 1, 3))
    changed = some(0.4, batch, 1, 1)
    clump = centre + torch.randn(batch, count, 3) * uniform(0.05, 0.15, batch, 1, 1)
    y[:, -count:] = torch.where(changed > 0, clump, y[:, -count:])
    return y
