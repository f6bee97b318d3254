"""A network of the transformers library as a plain model: two tensors in, logits out, and the mask always applied."""
# ruff: noqa: N803 - shape suffixes (B sequences, S tokens, K classes) are capitals

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel


class SequenceClassifier(nn.Module):
    """Token ids BS and which of them are valid BS to logits BK."""

    def __init__(self, network: PreTrainedModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, token_ids_BS: Tensor, valid_BS: Tensor) -> Tensor:
        """Return logits BK.

        The mask is given for every pair of tokens. Given for each token, the library looks whether any is padding,
        leaves the mask out if none is, and waits for the device to know.
        """
        length = valid_BS.shape[1]
        pairs = valid_BS[:, None, None, :].expand(-1, 1, length, -1)
        logits: Tensor = self.network(input_ids=token_ids_BS, attention_mask=pairs).logits
        return logits


class XLNetClassifier(SequenceClassifier):
    """XLNet makes its mask of pairs itself, and is told that all tokens are of one segment, which it attends to."""

    def forward(self, token_ids_BS: Tensor, valid_BS: Tensor) -> Tensor:
        """Return logits BK."""
        output = self.network(
            input_ids=token_ids_BS, attention_mask=valid_BS.float(), token_type_ids=torch.zeros_like(token_ids_BS)
        )
        logits: Tensor = output.logits
        return logits
