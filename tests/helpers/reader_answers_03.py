"""Answers to lesson 03's exercises as readers would write them: right in several styles, then wrong ones."""

import torch
from torch import nn
from torch.nn import functional as F


class DoubleConv(nn.Module):
    """In another style than ours: a Sequential, with names that torch gives."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.steps = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())

    def forward(self, x):
        return self.steps(x)


def steps(change):
    """A DoubleConv whose list of six steps is changed."""
    def build(inputs, outputs):
        block = DoubleConv(inputs, outputs)
        block.steps = nn.Sequential(*change(list(block.steps), inputs, outputs))
        return block
    return build


def convs(**settings):
    def change(six, inputs, outputs):
        given = {"padding": 1, "bias": False} | settings
        return [nn.Conv2d(inputs, outputs, 3, **given), *six[1:3], nn.Conv2d(outputs, outputs, 3, **given), *six[4:]]
    return steps(change)


def without(*indices):
    return steps(lambda six, *_: [step for index, step in enumerate(six) if index not in indices])


class NoSuper(nn.Module):
    def __init__(self, inputs, outputs):
        self.conv1 = nn.Conv2d(inputs, outputs, 3)


class Forgetful(DoubleConv):
    def forward(self, x):
        self.steps(x)


class Unfinished(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm1 = ...

    def forward(self, x):
        return self.norm1(self.conv1(x))


class Encoder(nn.Module):
    pooled, ordered, kept_before, both, doubles, pool = 0, True, True, True, True, nn.MaxPool2d(2)

    def __init__(self, base, depth):
        super().__init__()
        self.depth, self.blocks, channels = depth, nn.ModuleList(), 3
        for level in range(depth):
            width = base * 2**level if self.doubles else base
            self.blocks.append(DoubleConv(channels, width))
            channels = width

    def forward(self, x):
        skips = []
        for number, block in enumerate(self.blocks):
            kept = block(x)
            x = self.pool(kept) if number < self.depth - self.pooled else kept
            skips.append(kept if self.kept_before else x)
        skips = skips if self.ordered else skips[::-1]
        return (x, skips) if self.both else x


class ListedEncoder(Encoder):
    def __init__(self, base, depth):
        super().__init__(base, depth)
        blocks = list(self.blocks)
        del self.blocks
        self.blocks = blocks


class ThreeEverywhere(Encoder):
    def __init__(self, base, depth):
        super().__init__(base, depth)
        self.blocks = nn.ModuleList([DoubleConv(3, base * 2**level) for level in range(depth)])


def changed(kind, **settings):
    return type(kind.__name__, (kind,), settings)


class DecoderLevel(nn.Module):
    dim, swapped, joined = 1, False, 2

    def __init__(self, below, here):
        super().__init__()
        self.up, self.conv = self.enlarge(below, here), DoubleConv(self.joined * here, here)

    def enlarge(self, below, here):
        return nn.ConvTranspose2d(below, here, 2, 2)

    def join(self, x, skip):
        return torch.cat([x, skip] if self.swapped else [skip, x], self.dim)

    def forward(self, x, skip):
        return self.conv(self.join(self.up(x), skip))


class UNet(nn.Module):
    channels, kernel, deepest_first, last = 1, 1, True, True

    def __init__(self, base, depth):
        super().__init__()
        widths = [base * 2**level for level in range(depth + 1)]
        self.down, self.bottom = Encoder(base, depth), DoubleConv(widths[-2], widths[-1])
        levels = range(depth)[::-1] if self.deepest_first else range(depth)
        self.back = nn.ModuleList([DecoderLevel(widths[i + 1], widths[i]) for i in levels])
        self.head = nn.Conv2d(base, self.channels, self.kernel, padding=self.kernel // 2)

    def middle(self, x):
        return self.bottom(x)

    def next_skip(self, skips):
        return skips.pop()

    def forward(self, image):
        x, skips = self.down(image)
        x = self.middle(x)
        for level in self.back:
            x = level(x, self.next_skip(skips))
        return self.head(x) if self.last else x


class Probable(UNet):
    def forward(self, image):
        return super().forward(image).sigmoid()


class ListedUNet(UNet):
    def __init__(self, base, depth):
        super().__init__(base, depth)
        self.down = ListedEncoder(base, depth)


def stamp(x, kernel, stride):
    return F.conv_transpose2d(x[None, None], kernel[None, None], stride=stride)[0, 0]


def stamped(x, kernel, stride, rows=0, add=1):
    k = len(kernel)
    out = torch.zeros((x.shape[0] - 1) * stride + k + rows, (x.shape[1] - 1) * stride + k + rows, dtype=x.dtype)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            part = out[i * stride:i * stride + k, j * stride:j * stride + k]
            part[:] = part * add + x[i, j] * kernel[:part.shape[0], :part.shape[1]]
    return out


def outline(network, image):
    with torch.inference_mode():
        return network.eval()(image.unsqueeze(0)).squeeze() >= 0


def as_left(network, image):
    with torch.no_grad():
        return torch.sigmoid(network(image[None]))[0, 0] >= 0.5


def activation_stds(network, images):
    kept = {name: layer.register_forward_hook(lambda layer, given, out: setattr(layer, "seen", out.std().item()))
            for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)}
    network(images)
    for handle in kept.values():
        handle.remove()
    return {name: network.get_submodule(name).seen for name in kept}


def stds_with(measure, kinds=(nn.Conv2d, nn.ConvTranspose2d), remove=True, late=False, give=False):
    def answer(network, images):
        found, handles = {}, []

        def keep(name, number):
            found[name] = number
            return number if give else None

        for name, layer in network.named_modules():
            if isinstance(layer, kinds):
                if late:
                    last = name
                    handles.append(layer.register_forward_hook(
                        lambda layer, given, out: keep(last, measure(layer, given[0], out))))  # noqa: B023
                else:
                    handles.append(layer.register_forward_hook(
                        lambda layer, given, out, name=name: keep(name, measure(layer, given[0], out))))
        network(images)
        for handle in handles if remove else []:
            handle.remove()
        return found
    return answer


def spread(layer, given, out):
    return out.std().item()


def gradient_norms(network, images, masks):
    for weight in network.parameters():
        weight.grad = None
    nn.BCEWithLogitsLoss()(network(images), masks).backward()
    return {name: torch.linalg.vector_norm(weight.grad).item() if weight.grad is not None else 0
            for name, weight in network.named_parameters()}


def norms_with(measure, loss=F.binary_cross_entropy_with_logits, clear=True, backward=True, missing=(0.0,)):
    def answer(network, images, masks):
        if clear:
            network.zero_grad(set_to_none=True)
        value = loss(network(images), masks)
        if backward:
            value.backward()
        return {name: missing[0] if weight.grad is None else float(measure(weight).detach())
                for name, weight in network.named_parameters() if missing or weight.grad is not None}
    return answer


def unguarded_norms(network, images, masks):
    network.zero_grad()
    F.binary_cross_entropy_with_logits(network(images), masks).backward()
    return {name: weight.grad.norm().item() for name, weight in network.named_parameters()}


def halved_norms(network, images, masks):
    return {name: norm / 2 for name, norm in gradient_norms(network, images, masks).items()}


def norm(weight):
    return weight.grad.norm()


class WithoutSelf(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)  # noqa: F841

    def forward(self, x):
        return self.conv1(x)


class KeepsInput(Encoder):
    def forward(self, x):
        skips = []
        for block in self.blocks:
            skips.append(x)
            x = self.pool(block(x))
        return x, skips


class SkipsFirst(Encoder):
    def forward(self, x):
        x, skips = super().forward(x)
        return skips, x


class Rectified(UNet):
    def forward(self, image):
        return super().forward(image).relu()


class Functional(nn.Module):
    """With layers of its own names, and ReLU as one likes."""

    relu = staticmethod(torch.relu)

    def __init__(self, inputs, outputs):
        super().__init__()
        self.a, self.b = nn.Conv2d(inputs, outputs, 3, padding="same", bias=False), nn.BatchNorm2d(outputs)
        self.c, self.d = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)

    def forward(self, x):
        return self.relu(self.d(self.c(self.relu(self.b(self.a(x))))))


class BlockMaximum(nn.Module):
    def forward(self, x):
        n, c, h, w = x.shape
        return x.reshape(n, c, h // 2, 2, w // 2, 2).amax((3, 5))


def filled(self, x, skip):
    return torch.stack([skip, x], 1).flatten(1, 2)


class Flat(Encoder):
    def forward(self, x):
        x, skips = super().forward(x)
        return x, *skips


class Exchanged(UNet):
    def forward(self, image):
        x, skips = self.down(image)
        x = self.bottom(x)
        for level in self.back:
            x = level(skips.pop(), x)
        return self.head(x)


def recording_outline(network, image):
    return network.eval()(image[None])[0, 0].sigmoid() >= 0.5


MODULES_03 = {
    "double_conv": ([DoubleConv, Functional, changed(Functional, relu=staticmethod(lambda x: x * (x > 0))),
                     changed(Functional, relu=staticmethod(lambda x: torch.where(x > 0, x, 0.0)))], {
        changed(DoubleConv, forward=lambda self, x: (self.steps(x),)): "should return a tensor",
        changed(Functional, relu=staticmethod(F.leaky_relu)): "leaky ReLU",
        convs(padding=0): "padding=1", convs(bias=True): "bias=False", without(1, 4): "no batch norm",
        steps(lambda s, *_: [s[0], s[2], s[1], s[3], s[5], s[4]]): "after the batch norm", without(5): "last ReLU",
        without(2): "no more than one", steps(lambda s, *_: [*s[:4], s[1], s[5]]): "serves both",
        steps(lambda s, i, o: [*s[:3], nn.Conv2d(i, o, 3, padding=1, bias=False), *s[4:]]): "`outputs` channels",
        without(3, 4, 5): "The second half", NoSuper: "super().__init__()", Forgetful: "`forward`",
        WithoutSelf: "`self.name = …`",
        steps(lambda s, i, o: [*s[:4], nn.BatchNorm2d(i), s[5]]): "sees what its convolution gives"}),
    "encoder": ([Encoder, changed(Encoder, pool=BlockMaximum())], {
        Flat: "a list of",
        ListedEncoder: "nn.ModuleList", changed(Encoder, pool=nn.AvgPool2d(2)): "mean of each block",
        changed(Encoder, pooled=1): "One pooling is missing", changed(Encoder, pool=nn.Identity()): "Nothing is pooled",
        changed(Encoder, both=False): "two things", changed(Encoder, ordered=False): "wrong way round",
        changed(Encoder, kept_before=False): "Keep it before", changed(Encoder, doubles=False): "double from level",
        ThreeEverywhere: "the image's 3",
        KeepsInput: "what goes into a level", SkipsFirst: "return the skips first"}),
    "decoder_level": ([DecoderLevel, changed(DecoderLevel, join=filled)], {
        changed(DecoderLevel, enlarge=lambda self, b, h: nn.Upsample(scale_factor=2)): "Upsampling has no weights",
        changed(DecoderLevel, enlarge=lambda self, b, h: nn.Conv2d(b, h, 1)): "does not make maps larger",
        changed(DecoderLevel, enlarge=lambda self, b, h: nn.ConvTranspose2d(b, b, 2, 2)): "keeps all channels",
        changed(DecoderLevel, enlarge=lambda self, b, h: nn.ConvTranspose2d(b, h, 2)): "`kernel_size=2, stride=2`",
        changed(DecoderLevel, join=lambda self, x, skip: x + skip, joined=1): "not laid beside x",
        changed(DecoderLevel, join=lambda self, x, skip: torch.cat(skip, x, dim=1)): "takes a list",
        changed(DecoderLevel, dim=2): "another axis", changed(DecoderLevel, joined=1): "2 · here",
        changed(DecoderLevel, swapped=True): "exchanged"}),
    "own_unet": ([UNet], {
        changed(UNet, middle=lambda self, x: self.bottom(x).detach()): "no gradient reaches `bottom.steps.0.weight`",
        changed(UNet, middle=lambda self, x: F.dropout(self.bottom(x), 0.5, self.training)): "is there a dropout",
        Exchanged: "level(x, skips.pop())",
        changed(UNet, middle=lambda self, x: self.bottom(F.max_pool2d(x, 2))): "more poolings than",
        changed(UNet, forward=lambda self, image, way=UNet.forward: way(self, image) >= 0): "True and False",
        Probable: "Return the logits", Rectified: "behind the output layer",
        changed(UNet, next_skip=lambda self, skips: skips.pop(0)): "Last in, first out",
        changed(UNet, middle=lambda self, x: x): "bottleneck is missing",
        changed(UNet, deepest_first=False): "deepest level", changed(UNet, channels=2): "several channels",
        changed(UNet, last=False): "output layer is missing", changed(UNet, kernel=3): "1×1",
        ListedUNet: "nn.ModuleList"}),
}
FUNCTIONS_03 = {
    "stamp": ([stamp, stamped], {
        lambda x, k, s: stamped(x, k, s, add=0): "wipes out", lambda x, k, s: stamped(x, k, 1): "one pixel apart",
        lambda x, k, s: stamped(x, k, s, rows=s - len(k)): "cut off",
        lambda x, k, s: stamped(x, k, s, rows=s): "too large",
        lambda x, k, s: stamped(x, k.flip(0, 1), s): "upside down", lambda x, k, s: 0 * stamp(x, k, s): "Each number"}),
    "outline": ([outline], {
        as_left: "network.eval()", lambda n, i: n.eval()(i[None])[0, 0] >= 0.5: "First comes the sigmoid",
        lambda n, i: n.eval()(i[None])[0, 0].sigmoid(): "That is the probability",
        lambda n, i: n.eval()(i[None]).sigmoid() >= 0.5: "[0, 0]", lambda n, i: ~outline(n, i): "what is healthy",
        lambda n, i: n.eval()(i): "adds an axis", recording_outline: "records gradients",
        lambda n, i: outline(n, i)[0]: "then under torch.no_grad()"}),
    "activation_stds": ([activation_stds, stds_with(spread)], {
        stds_with(lambda layer, given, out: out.mean().item()): "That is the mean",
        stds_with(lambda layer, given, out: out.var().item()): "variance",
        stds_with(lambda layer, given, out: given.std().item()): "what goes in",
        stds_with(lambda layer, given, out: layer.weight.std().item()): "measure the weights",
        stds_with(spread, kinds=nn.Conv2d): "transposed", stds_with(spread, late=True): "name=name",
        stds_with(spread, remove=False): ".remove()", stds_with(spread, kinds=nn.Module): "every module",
        stds_with(spread, give=True): "Return nothing", lambda n, i: {}: "Loop over"}),
    "gradient_norms": ([gradient_norms, norms_with(norm)], {
        norms_with(norm, missing=()): "are missing", norms_with(lambda w: w.grad.sum()): "add the",
        norms_with(lambda w: w.grad.mean()): "take the mean", norms_with(lambda w: w.grad.abs().max()): "largest entry",
        norms_with(norm, lambda z, y: F.binary_cross_entropy_with_logits(z.sigmoid(), y)): "gave it probabilities",
        norms_with(norm, clear=False): "were added to them", norms_with(norm, backward=False): "All numbers are 0",
        unguarded_norms: "which has no norm", halved_norms: "zero_grad, the loss",
        lambda n, i, m: {name: w.norm().item() for name, w in n.named_parameters()}: "length of the weights"}),
}
PROPERTIES_03 = {
    "diagnoses": ([["no pooling", "dead block", "cut gradient"], ("No Pooling", "dead block ", "cut gradient")], {
        ("eval", "dead block", "cut gradient"): "Choose from these",
        ("dead block", "no skips", "cut gradient"): "Network A",
        ("no pooling", "no skips", "cut gradient"): "Network B",
        ("no pooling", "dead block", "sigmoid inside"): "Network C",
        ("dead block", "no pooling", "cut gradient"): "another order", ("no skips",) * 4: "three faults"}),
}
