"""Protects the vision transformers against the mistakes that public re-implementations of arXiv 2106.14881 made.

Sizes are exact. Models of the published size live on the meta device, so nothing is allocated or computed for them.
"""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from workloads.complexity import count_activations, count_macs, count_parameters
from workloads.layers.attention import BlockConfig, TransformerBlock
from workloads.vit_conv_stem import model as vit
from workloads.vit_conv_stem import stem
from workloads.vit_conv_stem.model import VisionTransformer, ViTConfig
from workloads.vit_conv_stem.stem import Stem, StemConfig, StemInitialisation

# name, parameters, multiply-adds, activations in millions as the paper prints them (None: not printed)
SIZES = [
    ("VIT_P_1GF", 4_830_376, 1_079_390_208, 5.5),
    ("VIT_P_4GF", 18_507_112, 3_901_710_336, 11.1),
    ("VIT_P_18GF", 86_567_656, 17_563_828_224, 24.0),
    ("VIT_P_36GF", 178_364_392, 35_971_567_616, 37.3),
    ("VIT_P_72GF", 352_954_216, 71_161_735_680, None),
    ("VIT_C_1GF", 4_567_936, 1_075_860_096, 5.7),
    ("VIT_C_4GF", 17_754_136, 3_958_940_928, 11.3),
    ("VIT_C_18GF", 81_573_160, 17_711_491_584, 24.1),
    ("VIT_C_36GF", 167_796_008, 35_002_025_984, 36.7),
    ("VIT_C_72GF", 354_949_288, 72_744_086_016, None),
    ("VIT_P_16GF", 71_757_160, 15_432_281_088, None),
    ("VIT_C_16GF", 71_004_184, 15_489_511_680, None),
]

PAIRS = [
    ("1GF", 262_440, 370_944),
    ("4GF", 752_976, 1_479_168),
    ("18GF", 4_994_496, 7_087_872),
    ("36GF", 10_568_384, 12_596_224),
]


def config(name: str) -> ViTConfig:
    found: ViTConfig = getattr(vit, name)
    return found


def on_meta(model_config: ViTConfig) -> VisionTransformer:
    with torch.device("meta"):
        return VisionTransformer(model_config)


def meta_image(side: int = 224) -> torch.Tensor:
    return torch.empty(1, 3, side, side, device="meta")


def tiny(stem_config: StemConfig = stem.CONV_1GF, *, image_size: int = 64, blocks: int = 2) -> ViTConfig:
    """A model of the published kind that a CPU runs in milliseconds."""
    block = BlockConfig(width=32, heads=2, mlp_ratio=3)
    return ViTConfig(block=block, blocks=blocks, stem=stem_config, image_size=image_size, classes=10)


@pytest.mark.parametrize(("name", "parameters", "macs", "activations_m"), SIZES)
def test_published_size_is_met_exactly(name, parameters, macs, activations_m):
    model = on_meta(config(name))
    assert count_parameters(model) == parameters
    assert count_macs(model, meta_image()) == macs
    if activations_m is not None:
        assert count_activations(model, meta_image()) / 1e6 == pytest.approx(activations_m, rel=0.02)


def test_the_72gf_model_at_384_pixels_costs_what_the_paper_says():
    model = on_meta(replace(config("VIT_C_72GF"), image_size=384))
    assert count_macs(model, meta_image(384)) / 1e9 == pytest.approx(224.19, abs=0.005)


@pytest.mark.parametrize(("size", "difference", "block_parameters"), PAIRS)
def test_the_conv_stem_is_paid_for_with_exactly_one_block(size, difference, block_parameters):
    patchify, convolutional = on_meta(config(f"VIT_P_{size}")), on_meta(config(f"VIT_C_{size}"))
    assert len(patchify.blocks) - len(convolutional.blocks) == 1
    assert count_parameters(patchify) - count_parameters(convolutional) == difference
    assert count_parameters(patchify.blocks[0]) == block_parameters
    stems = count_parameters(convolutional.stem) - count_parameters(patchify.stem)
    assert difference == block_parameters - stems


@pytest.mark.parametrize(
    ("block", "macs_m"),
    [
        (BlockConfig(width=192, heads=3, mlp_ratio=3), 87.5),
        (BlockConfig(width=384, heads=6, mlp_ratio=3), 320.3),
        (BlockConfig(width=768, heads=12), 1454.0),
        (BlockConfig(width=1024, heads=16), 2558.3),
    ],
)
def test_block_cost_follows_its_closed_form(block, macs_m):
    """Multiply-adds are L(4 + 2m)d^2 + 2 L^2 d, activations (6 + m)Ld + hL^2, for L = 197 tokens."""
    with torch.device("meta"):
        layer, tokens = TransformerBlock(block), torch.empty(1, 197, block.width)
    counted = count_macs(layer, tokens)
    assert counted == 197 * (4 + 2 * block.mlp_ratio) * block.width**2 + 2 * 197**2 * block.width
    assert counted / 1e6 == pytest.approx(macs_m, abs=0.05)
    logits = block.heads * 197**2
    assert count_activations(layer, tokens) == (6 + block.mlp_ratio) * 197 * block.width + logits


def test_counts_are_the_same_for_the_cpus_fused_attention_as_on_meta():
    real, meta = VisionTransformer(tiny()), on_meta(tiny())
    image = torch.zeros(2, 3, 64, 64)
    assert count_macs(real, image) == count_macs(meta, image.to("meta"))
    assert count_activations(real, image) == count_activations(meta, image.to("meta"))


def test_counting_leaves_the_models_mode_alone():
    model = on_meta(tiny())
    count_macs(model.train(), meta_image(64))
    assert model.training
    count_macs(model.eval(), meta_image(64))
    assert not model.training


@pytest.mark.parametrize(
    ("shape", "macs_m", "parameters", "activations_m"),
    [
        (stem.PATCHIFY, 57.8, 295_296, 0.08),
        (stem.CONV_4GF, 435.3, 1_021_488, 1.2),
        (stem.ABLATION_S1, 422.0, 752_564, 1.3),
        (stem.ABLATION_S2, 421.9, 716_960, 1.1),
        (stem.ABLATION_S3, 458.3, 671_459, 1.6),
        (stem.ABLATION_S4, 407.4, 555_464, 2.9),
    ],
)
def test_stem_of_the_ablation_costs_what_table_3_prints(shape, macs_m, parameters, activations_m):
    with torch.device("meta"):
        layer = Stem(shape, 384)
    assert count_macs(layer, meta_image()) / 1e6 == pytest.approx(macs_m, abs=0.05)
    assert count_parameters(layer) == parameters
    assert count_activations(layer, meta_image()) / 1e6 == pytest.approx(activations_m, abs=0.051)
    assert layer(meta_image()).shape == (1, 384, 14, 14)


@pytest.mark.parametrize("name", [name for name, *_ in SIZES])
def test_an_image_becomes_196_patches_and_a_class_token(name):
    model = on_meta(config(name))
    width = config(name).block.width
    assert model.stem(meta_image()).shape == (1, width, 14, 14)
    assert model.embed(meta_image()).shape == (1, 197, width)
    assert model(meta_image()).shape == (1, 1000)


@pytest.mark.parametrize("side", [32, 48, 224, 384, 1024])
@pytest.mark.parametrize("name", ["VIT_P_1GF", "VIT_C_1GF"])
def test_position_table_fits_every_side_of_whole_patches(name, side):
    model = on_meta(replace(config(name), image_size=side))
    assert model.positions.shape[1] == (side // 16) ** 2 + 1
    assert model.embed(meta_image(side)).shape == model.positions.shape


def test_a_side_of_broken_patches_is_refused():
    with pytest.raises(ValueError, match="no multiple"):
        replace(config("VIT_P_1GF"), image_size=225)


@pytest.mark.parametrize(("name", "norms"), [("1GF", 4), ("4GF", 4), ("18GF", 6), ("36GF", 6)])
def test_batch_norm_follows_every_3x3_and_nothing_else(name, norms):
    model = on_meta(config(f"VIT_C_{name}"))
    found = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    in_stem = [module for module in model.stem.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(found) == len(in_stem) == norms
    kinds = [type(layer) for group in model.stem.convolutions for layer in group]
    assert kinds == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU] * norms
    assert all(group[0].bias is None and group[0].kernel_size == (3, 3) for group in model.stem.convolutions)
    assert model.stem.projection.bias is not None


@pytest.mark.parametrize("size", ["1GF", "4GF", "18GF", "36GF"])
def test_the_patchify_model_has_no_batch_norm_at_all(size):
    assert not any(isinstance(module, nn.BatchNorm2d) for module in on_meta(config(f"VIT_P_{size}")).modules())


def test_first_loss_is_ln_k_and_only_the_head_has_a_gradient():
    model = VisionTransformer(tiny())
    targets = torch.full((4, 10), 0.01)
    targets[:, 3] += 0.9
    loss = nn.functional.cross_entropy(model(torch.randn(4, 3, 64, 64)), targets)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(10), abs=1e-6)
    for name, parameter in model.named_parameters():
        moved = bool(parameter.grad.abs().sum() > 0)
        assert moved == name.startswith("head."), name


def test_initialisation_follows_the_table():
    """Standard deviations as the authors' code draws them; wide layers, so that a sample is close to its law."""
    torch.manual_seed(0)
    block = BlockConfig(width=256, heads=4, mlp_ratio=4)
    patchify = VisionTransformer(ViTConfig(block=block, blocks=1, stem=stem.PATCHIFY))
    convolutional = VisionTransformer(ViTConfig(block=block, blocks=1, stem=stem.CONV_18GF))

    fan_in = 3 * 16 * 16
    # a normal law cut at two standard units of 1 barely changes where the deviation is as small as here
    assert patchify.stem.projection.weight.std().item() == pytest.approx(math.sqrt(1 / fan_in), rel=0.02)
    last_3x3 = convolutional.stem.convolutions[-1][0]
    assert last_3x3.weight.std().item() == pytest.approx(math.sqrt(2 / 512), rel=0.02)
    assert convolutional.stem.projection.weight.std().item() == pytest.approx(math.sqrt(1 / 256), rel=0.02)

    layer = patchify.blocks[0]
    packed_bound = math.sqrt(6 / (256 + 3 * 256))
    assert layer.attention.qkv.weight.abs().max().item() == pytest.approx(packed_bound, rel=0.01)
    assert layer.attention.projection.weight.abs().max().item() == pytest.approx(1 / 16, rel=0.01)
    assert layer.mlp.expand.weight.abs().max().item() == pytest.approx(math.sqrt(6 / (5 * 256)), rel=0.01)
    assert layer.mlp.expand.bias.std().item() == pytest.approx(1e-6, rel=0.1)
    assert patchify.positions.std().item() == pytest.approx(0.02, rel=0.02)
    for zero in (patchify.class_token, layer.attention.qkv.bias, layer.attention.projection.bias, patchify.head.weight):
        assert not zero.any()
    assert not patchify.stem.projection.bias.any()
    assert layer.attention_norm.eps == layer.mlp_norm.eps == patchify.norm.eps == 1e-6


def test_the_drafts_stem_has_pytorchs_small_kernels_and_a_wider_projection():
    torch.manual_seed(0)
    layer = Stem(replace(stem.CONV_18GF, initialisation=StemInitialisation.DRAFT), 256)
    uniform_std = 1 / math.sqrt(3 * 256 * 9)
    assert layer.convolutions[-1][0].weight.std().item() == pytest.approx(uniform_std, rel=0.02)
    assert layer.projection.weight.std().item() == pytest.approx(math.sqrt(2 / 256), rel=0.02)


def test_block_is_pre_norm_attention_as_pytorch_defines_it():
    """Same weights, same answer as torch.nn's own encoder layer: softmax scale, head split, exact GELU, norm order."""
    torch.manual_seed(0)
    ours = TransformerBlock(BlockConfig(width=32, heads=4, mlp_ratio=3)).eval()
    theirs = nn.TransformerEncoderLayer(
        32, 4, dim_feedforward=96, dropout=0, activation="gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True
    ).eval()
    pairs = [
        (theirs.self_attn.in_proj_weight, ours.attention.qkv.weight),
        (theirs.self_attn.in_proj_bias, ours.attention.qkv.bias),
        (theirs.self_attn.out_proj.weight, ours.attention.projection.weight),
        (theirs.self_attn.out_proj.bias, ours.attention.projection.bias),
        (theirs.linear1.weight, ours.mlp.expand.weight),
        (theirs.linear1.bias, ours.mlp.expand.bias),
        (theirs.linear2.weight, ours.mlp.contract.weight),
        (theirs.linear2.bias, ours.mlp.contract.bias),
    ]
    with torch.no_grad():
        for target, source in pairs:
            target.copy_(source.normal_(std=0.3))
        tokens = torch.randn(2, 7, 32)
        assert torch.allclose(ours(tokens), theirs(tokens), atol=1e-5)


def test_heads_must_share_the_width_evenly():
    with pytest.raises(ValueError, match="evenly"):
        BlockConfig(width=64, heads=3)


@pytest.mark.parametrize("shape", [stem.PATCHIFY, stem.CONV_1GF])
def test_shuffling_patches_with_their_positions_changes_nothing(shape):
    torch.manual_seed(0)
    model = VisionTransformer(tiny(shape)).eval()
    nn.init.normal_(model.head.weight)
    with torch.inference_mode():
        tokens = model.embed(torch.randn(2, 3, 64, 64))
        shuffled = torch.cat((tokens[:, :1], tokens[:, 1:][:, torch.randperm(tokens.shape[1] - 1)]), dim=1)
        assert not torch.equal(tokens, shuffled)
        assert torch.allclose(model.classify(tokens), model.classify(shuffled), atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "field"), [(stem.PATCHIFY, 16), (stem.CONV_1GF, 31), (stem.CONV_4GF, 31), (stem.CONV_18GF, 55)]
)
def test_a_token_sees_just_its_receptive_field(shape, field):
    """The extent of the input gradient of one central token, all weights positive so that nothing cancels."""
    torch.manual_seed(0)
    layer = Stem(shape, 8).eval()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.abs_()
    image = torch.rand(1, 3, 128, 128, requires_grad=True)
    layer(image)[0, :, 4, 4].sum().backward()
    seen = image.grad.abs().sum(dim=(0, 1)) > 0
    assert int(seen.any(dim=0).sum()) == int(seen.any(dim=1).sum()) == field


def test_a_change_outside_the_receptive_field_leaves_the_token_unchanged():
    torch.manual_seed(0)
    layer = Stem(stem.CONV_18GF, 8).eval()
    image = torch.rand(1, 3, 256, 256)
    changed = image.clone()
    changed[..., 200:, :] += 1
    with torch.inference_mode():
        before, after = layer(image), layer(changed)
    assert torch.equal(before[..., :10, :], after[..., :10, :])
    assert not torch.equal(before[..., 13, :], after[..., 13, :])
