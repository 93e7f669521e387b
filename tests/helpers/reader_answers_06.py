"""Answers to lesson 06's exercises as readers would type them: right ones, then wrong ones and a piece of the hint."""

import copy

import numpy as np
import torch
from sklearn.metrics import jaccard_score, roc_auc_score
from torch import nn
from torch.nn import functional as F


def catch(network, image, names, keep=lambda out: out.detach().clone(), remove=True, under=torch.no_grad, late=False):
    maps, handles = {}, []
    for name, block in network.named_modules():
        if name in names:
            key = names[-1] if late else name
            handles.append(block.register_forward_hook(
                lambda block, given, out, key=key: maps.__setitem__(key, keep(out))))
    with under():
        network(image)
    while handles and remove:
        handles.pop().remove()
    return maps


def catch_inputs(network, image, names):
    maps = {}
    handles = [network.get_submodule(name).register_forward_hook(
        lambda block, given, out, name=name: maps.update({name: given[0].clone()})) for name in names]
    with torch.no_grad():
        network(image)
    [handle.remove() for handle in handles]
    return maps


def catch_and_give(network, image, names):
    maps = {}

    def nothing(block, given, out, name):
        maps[name] = out.detach().clone()
        return torch.zeros_like(out)

    handles = [network.get_submodule(name).register_forward_hook(
        lambda block, given, out, name=name: nothing(block, given, out, name)) for name in names]
    with torch.no_grad():
        network(image)
    for handle in handles:
        handle.remove()
    return maps


def step_by_step(network, image, names):
    """Without hooks: right for a network that is a sequence."""
    x, maps = image, {}
    with torch.no_grad():
        for name, block in network.named_children():
            x = block(x)
            if name in names:
                maps[name] = x.clone()
    return maps


def measured(network, images, momentum=None, mode=True, end=False, reset=True, which=None):
    norms = [module for module in network.modules() if type(module) is nn.BatchNorm2d]
    for norm in norms[:which]:
        if reset:
            norm.running_mean.zero_()
            norm.running_var.fill_(1)
            norm.num_batches_tracked.zero_()
        norm.momentum = momentum
    network.train(mode)
    with torch.no_grad():
        network(images)
    network.train(end)
    return network


def on_a_copy(network, images):
    return measured(copy.deepcopy(network), images, momentum=1.0)


def silenced(network, name, channels, images, out=torch.sigmoid, remove=True, index=lambda channels: (slice(None),
             channels)):
    def hook(block, given, maps):
        maps[index(channels)] = 0
        return maps

    handle = network.get_submodule(name).register_forward_hook(hook)
    with torch.no_grad():
        answer = network(images)
    if remove:
        handle.remove()
    return out(answer)


def masked(network, name, channels, images):
    def hook(block, given, maps):
        return maps * torch.tensor([channel not in channels for channel in range(maps.shape[1])])[:, None, None]

    handle = network.get_submodule(name).register_forward_hook(hook)
    with torch.no_grad():
        answer = torch.sigmoid(network(images))
    handle.remove()
    return answer


def untouched(network, name, channels, images):
    with torch.no_grad():
        return network(images).sigmoid()


def pairs(maps, least, start=1, r=lambda one, other: abs(np.corrcoef(np.ravel(one), np.ravel(other))[0, 1])):
    maps = np.array(maps)
    channels = [maps[:, channel] for channel in range(maps.shape[1])]
    return sum(bool(r(one, other) > least) for i, one in enumerate(channels) for other in channels[i + start:])


def roc_auc(values, mask, tie=0.5):
    pairs = [(t, h) for t, tumour in zip(np.ravel(values), np.ravel(mask)) if tumour
             for h, other in zip(np.ravel(values), np.ravel(mask)) if not other]
    return sum(1 if t > h else tie if t == h else 0 for t, h in pairs) / len(pairs)


def tissue(bright, labels, score=lambda b, t: (b & t).sum() / (b | t).sum(), air=False, key=max):
    found = {number: score(np.array(bright), np.array(labels) == number) for number in set(np.ravel(labels).tolist())}
    if not air:
        del found[0]
    best = key(found, key=found.get)
    return best, found[best]


def by_sklearn(bright, labels):
    return max((jaccard_score(np.ravel(bright), np.ravel(labels) == number), number) for number in (1, 2, 3))[::-1]


def cam(maps, gradients):
    return np.maximum(sum(np.mean(gradient) * np.array(values) for values, gradient in zip(maps, gradients)), 0)


FUNCTIONS_06 = {
    "catch_maps": ([catch, step_by_step], {
        lambda n, i, names: catch(n, i, names, remove=False): "Your hooks stay",
        lambda n, i, names: catch(n, i, names, keep=lambda out: out.detach()): "works in place",
        lambda n, i, names: catch(n, i, names, keep=torch.clone, under=torch.enable_grad): "hang on the pass",
        lambda n, i, names: catch(n, i, names, late=True): "under one name",
        catch_inputs: "what went into the block", catch_and_give: "takes the place",
        lambda n, i, names: {}: "remove all hooks"}),
    "calibrate": ([measured, on_a_copy], {
        lambda n, i: measured(n, i, momentum=0.1): "nine tenths", lambda n, i: measured(n, i, reset=False): "earlier",
        lambda n, i: measured(n, i, reset=False, momentum=0.1): "as they were",
        lambda n, i: measured(n, i, mode=False): "only use their", lambda n, i: measured(n, i, end=True): "still in tr",
        lambda n, i: measured(n, i, which=1): "first batch norm", lambda n, i: n.train(): "then train()"}),
    "without_channels": ([silenced, masked], {
        untouched: "Nothing has changed", lambda *a: silenced(*a, remove=False): "stays in the network",
        lambda *a: silenced(*a, index=lambda c: (slice(None), slice(None), c)): "silence rows",
        lambda n, name, c, i: masked(n, name, [k for k in range(4) if k not in c], i): "all others",
        lambda n, name, c, i: masked(n, name, c[:1], i): "Only one channel", lambda *a: silenced(*a, out=lambda z: z):
        "Those are logits", lambda *a: 0.5: "A hook that copies"}),
    "duplicate_pairs": ([pairs, lambda m, least: int((np.triu(np.abs(np.corrcoef(np.moveaxis(np.array(m), 1, 0).reshape(
        len(m[0]), -1))), 1) > least).sum())], {
        lambda m, least: pairs(m, least, r=lambda a, b: np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]): "its negative",
        lambda m, least: 2 * pairs(m, least): "each pair twice, as",
        lambda m, least: pairs(m, least, start=0): "own duplicate",
        lambda m, least: 2 * pairs(m, least) + len(m[0]): "whole table",
        lambda m, least: pairs(m[:1], least): "first image",
        lambda m, least: len(m[0]) * (len(m[0]) - 1) // 2 - pairs(m, least): "*not* alike",
        lambda m, least: -1: "above the diagonal"}),
    "roc_auc": ([roc_auc, lambda v, m: roc_auc_score(np.ravel(m), np.ravel(v))],
                {lambda v, m: 2 * roc_auc(v, m) - roc_auc(v, m, 1.0): "Ties",
                 lambda v, m: roc_auc(v, m, 1.0): "not a win", lambda v, m: 1 - roc_auc(v, m): "*healthy*",
                 lambda v, m: np.mean([t - h for t in np.array(v)[np.array(m) > 0]
                                       for h in np.array(v)[np.array(m) == 0]]): "by how much",
                 lambda v, m: 0: "each healthy"}),
    "best_tissue": ([tissue, by_sklearn], {
        lambda b, t: tissue(b, t, air=True): "no tissue", lambda b, t: tissue(b, t, lambda b, t: (b & t).sum()):
        "largest overlap", lambda b, t: tissue(b, t, lambda b, t: b[t].mean()): "fraction of the tissue",
        lambda b, t: tissue(b, t, lambda b, t: t[b].mean()): "fraction of the bright",
        lambda b, t: tissue(b, t, lambda b, t: 2 * (b & t).sum() / (b.sum() + t.sum())): "that is Dice",
        lambda b, t: tissue(b, t, key=min): "worst tissue", lambda b, t: (1, 1.0): "np.unique"}),
    "cam": ([cam, lambda m, g: F.relu(torch.einsum("c,cij->ij", *(torch.tensor(x, dtype=torch.float64) for x in (
                np.mean(g, axis=(1, 2)), m)))).numpy()],
            {lambda m, g: sum(np.mean(b) * np.array(a) for a, b in zip(m, g)): "Left to do",
             lambda m, g: np.maximum(sum(np.multiply(a, b) for a, b in zip(m, g)), 0): "*one* weight",
             lambda m, g: sum(abs(np.mean(b)) * np.array(a) for a, b in zip(m, g)): "Keep the sign",
             lambda m, g: np.size(g[0]) * cam(m, g): "not its sum",
             lambda m, g: np.maximum([np.mean(b) * np.array(a) for a, b in zip(m, g)], 0): "Add up the channels",
             lambda m, g: 0: "then ReLU"}),
}
