# ruff: noqa: N803, N806 - shape suffixes are capitals
"""Pre-norm transformer encoder parts (Vaswani et al., arXiv 1706.03762; pre-norm and GELU as in ViT, 2010.11929).

Shape suffixes: B images of a batch, L tokens, D width of the model, N heads, K width of a head (D = N x K).
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

LAYER_NORM_EPSILON = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockConfig:
    """Size of one transformer block; ``mlp_ratio`` is the MLP's hidden width as a multiple of ``width``."""

    width: int
    heads: int
    mlp_ratio: int = 4

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} can't be shared evenly by {self.heads} heads")


class SelfAttention(nn.Module):
    """Multi-head self-attention over all tokens: BLD to BLD, logits scaled by 1 / sqrt(K), all projections biased."""

    def __init__(self, config: BlockConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.projection = nn.Linear(config.width, config.width)
        self._initialise()

    def _initialise(self) -> None:
        """Follow torch.nn.MultiheadAttention: the packed projection is Xavier as a whole, not matrix by matrix."""
        nn.init.xavier_uniform_(self.qkv.weight)
        nn.init.zeros_(self.qkv.bias)
        nn.init.zeros_(self.projection.bias)

    def forward(self, x_BLD: Tensor) -> Tensor:
        """Return the attended tokens, BLD."""
        batch, tokens, _ = x_BLD.shape
        packed_BL3NK: Tensor = self.qkv(x_BLD).view(batch, tokens, 3, self.heads, -1)
        query_BNLK, key_BNLK, value_BNLK = packed_BL3NK.permute(2, 0, 3, 1, 4)
        mixed_BNLK = functional.scaled_dot_product_attention(query_BNLK, key_BNLK, value_BNLK)
        out_BLD: Tensor = self.projection(mixed_BNLK.transpose(1, 2).flatten(2))
        return out_BLD


class Mlp(nn.Module):
    """Two biased linear layers with the exact GELU (not its tanh approximation) between them: BLD to BLD."""

    def __init__(self, config: BlockConfig) -> None:
        super().__init__()
        self.expand = nn.Linear(config.width, config.mlp_ratio * config.width)
        self.contract = nn.Linear(config.mlp_ratio * config.width, config.width)
        self._initialise()

    def _initialise(self) -> None:
        for layer in (self.expand, self.contract):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.normal_(layer.bias, std=1e-6)

    def forward(self, x_BLD: Tensor) -> Tensor:
        """Return every token transformed on its own, BLD."""
        out_BLD: Tensor = self.contract(functional.gelu(self.expand(x_BLD)))
        return out_BLD


class TransformerBlock(nn.Module):
    """x += attention(norm(x)), then x += mlp(norm(x)): BLD to BLD."""

    def __init__(self, config: BlockConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width, eps=LAYER_NORM_EPSILON)
        self.attention = SelfAttention(config)
        self.mlp_norm = nn.LayerNorm(config.width, eps=LAYER_NORM_EPSILON)
        self.mlp = Mlp(config)

    def forward(self, x_BLD: Tensor) -> Tensor:
        """Return the tokens after both residual branches, BLD."""
        x_BLD = x_BLD + self.attention(self.attention_norm(x_BLD))
        out_BLD: Tensor = x_BLD + self.mlp(self.mlp_norm(x_BLD))
        return out_BLD
