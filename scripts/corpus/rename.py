"""Removes from a model everything that matching by name or by order could use."""

import hashlib

import onnx


def hashed(model, rng, lift=False):
    """A copy of the model in which every name is a hash, other ones for each seed of rng,
    nodes are in another topological order, and initializers are shuffled. lift makes
    every third initializer a Constant node."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    salt = rng.randbytes(8)
    if lift:
        lift_some(model.graph)

    def new(name):
        return hashlib.sha256(salt + name.encode()).hexdigest()[:10] if name else ""

    rewrite(model.graph, new, rng)
    return model


def lift_some(graph):
    lifted = list(graph.initializer)[::3]
    for t in lifted:
        node = onnx.helper.make_node("Constant", [], [t.name], f"lifted {t.name}", value=t)
        node.attribute[0].t.ClearField("name")
        graph.node.insert(0, node)
        graph.initializer.remove(t)


def rewrite(graph, new, rng):
    nodes = shuffled(graph, rng)
    initializers = list(graph.initializer)
    rng.shuffle(initializers)
    graph.ClearField("node")
    graph.ClearField("initializer")
    graph.ClearField("value_info")
    graph.node.extend(nodes)
    graph.initializer.extend(initializers)
    graph.name = new(graph.name)
    for node in graph.node:
        node.name = new(node.name)
        node.input[:] = [new(name) for name in node.input]
        node.output[:] = [new(name) for name in node.output]
        for sub in subgraphs(node):
            rewrite(sub, new, rng)
    for named in [*graph.initializer, *graph.input, *graph.output]:
        named.name = new(named.name)


def subgraphs(node):
    for a in node.attribute:
        yield from [a.g] if a.HasField("g") else a.graphs


def needs(node):
    """The names that a node takes, those that its sub-graphs capture included."""
    names = set(node.input)
    for sub in subgraphs(node):
        for inner in sub.node:
            names |= needs(inner)
        names |= {o.name for o in sub.output}
    return names


def shuffled(graph, rng):
    made_here = {name for node in graph.node for name in node.output}
    waiting, ready, order = list(graph.node), set(), []
    while waiting:
        free = [n for n in waiting if needs(n) & made_here <= ready]
        node = rng.choice(free)
        waiting.remove(node)
        order.append(node)
        ready |= set(node.output)
    return order
