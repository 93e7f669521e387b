"""Steps are noted whatever the style of the code, weights matched by order of use, and differences named."""

import pytest
import torch
from reader_answers_03 import UNet as ReadersUNet
from torch import nn

from unet_lib.core.errors import ShapeError
from unet_lib.lessons.reference_unet import UNet as TutorialUNet
from unet_lib.lessons.tracing import Trace, first_difference, matched_weights, trace
from unet_lib.models.unet import UNet

IMAGE = torch.randn(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.ones(2, 3, 3, 3))

    def forward(self, x):
        x = torch.nn.functional.conv2d(x, self.kernel, padding=1).clamp(min=0)
        return torch.cat([torch.nn.functional.max_pool2d(x, 2)] * 2, 1).sigmoid()


def test_every_style_gives_the_same_words():
    steps = trace(Functional(), IMAGE)
    assert [str(step) for step in steps] == ["convolution → 2 × 32 × 48", "ReLU → 2 × 32 × 48",
                                             "max pooling → 2 × 16 × 24", "concatenation → 4 × 16 × 24",
                                             "sigmoid → 4 × 16 × 24"]
    assert steps[0].weights == ("kernel",) and steps[0].given == (1, 3, 32, 48)


@pytest.mark.parametrize("kind", [TutorialUNet, ReadersUNet])
def test_weights_move_between_classes_that_name_their_layers_otherwise(kind):
    source, own = UNet(base=4, depth=3).eval(), kind(4, 3).eval()
    own.load_state_dict(matched_weights(own, source, IMAGE))
    with torch.no_grad():
        assert torch.equal(own(IMAGE), source(IMAGE))


def test_networks_of_other_plans_are_told_apart():
    with pytest.raises(ShapeError, match=r"Step 1, your convolution `encoder.1.conv1`, gives 8 × 32 × 48 where 4 × 32"):
        matched_weights(UNet(base=8, depth=2), UNet(base=4, depth=2), IMAGE)
    with pytest.raises(ShapeError, match="`encoder.1.conv1`, has a bias that it does not need"):
        matched_weights(UNet(base=4, depth=2, batch_norm=False), UNet(base=4, depth=2), IMAGE)


@pytest.mark.parametrize(("layer", "said"), [
    (nn.ConvTranspose2d(3, 2, 2), "gives 2 × 33 × 49 where 2 × 64 × 96 is expected: stride 1?"),
    (nn.ConvTranspose2d(3, 2, 3, 2), "gives 2 × 65 × 97 where 2 × 64 × 96 is expected: kernel_size=2 and stride=2?"),
    (nn.ConvTranspose2d(3, 4, 2, 2), "gives 4 × 64 × 96 where 2 × 64 × 96 is expected: count the channels again."),
    (nn.ConvTranspose2d(3, 2, 2, 2, bias=False), "lacks learnt numbers that ours has"),
])
def test_a_difference_comes_with_its_likeliest_reason(layer, said):
    ours = nn.ConvTranspose2d(3, 2, 2, 2)
    assert said in first_difference(trace(layer, IMAGE), trace(ours, IMAGE), layer.state_dict(), ours.state_dict())


def test_what_ran_before_an_error_is_kept():
    broken = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(5, 1, 1))
    with pytest.raises(RuntimeError), Trace(broken) as found:
        broken(IMAGE)
    assert [step.layer for step in found.steps] == ["0"]


def test_looking_leaves_the_network_as_it_was():
    network = UNet(base=4, depth=2).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    trace(network.eval(), IMAGE)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
