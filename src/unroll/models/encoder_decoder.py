"""Many-to-many without alignment: one network reads a text, another writes a text while it looks at what was read.

Shapes: B batch, S source tokens, T target tokens, E embedding size.
"""

from __future__ import annotations

from torch import Tensor, nn

from unroll.errors import ConfigError
from unroll.models.attention_decoder import AttentionDecoder, Writing, vector_scale
from unroll.models.encoders import RecurrentEncoder


class EncoderDecoder(nn.Module):
    """An encoder whose states are the memory of a decoder.

    Source: Luong, Pham, Manning 2015, section 3; a bidirectional encoder: Bahdanau, Cho, Bengio 2015, section 3.2.

    Example:
        >>> import torch
        >>> from unroll import GRUCell
        >>> from unroll.layers import Attention
        >>> from unroll.models.attention_decoder import AttentionDecoder, new_embedding
        >>> from unroll.models.encoder_decoder import EncoderDecoder
        >>> from unroll.models.encoders import RecurrentEncoder, recurrent_stack
        >>> encoder = RecurrentEncoder(recurrent_stack([(GRUCell(4, 3), GRUCell(4, 3))]))
        >>> decoder = AttentionDecoder(11, recurrent_stack([(GRUCell(4, 6),)]), Attention(6, 6), summary_size=6)
        >>> model = EncoderDecoder(new_embedding(9, 4), encoder, decoder)
        >>> source, target = torch.tensor([[3, 4, 5]]), torch.tensor([[7, 8]])
        >>> model(source, torch.tensor([3]), target, torch.tensor([2])).shape
        torch.Size([])

    Args:
        embedding: vectors of the source's tokens; the decoder's own if both read the same vocabulary.
        encoder: of E features.
        decoder: whose memory has the encoder's features.
        dropout: probability that a feature of the source's vectors, or of a state that is looked at, is hidden.

    Raises:
        ConfigError: the parts do not fit together.
    """

    def __init__(
        self, embedding: nn.Embedding, encoder: RecurrentEncoder, decoder: AttentionDecoder, *, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if (encoder.stack.input_size, encoder.output_size) != (
            embedding.embedding_dim,
            decoder.attention.memory_size,
        ):
            raise ConfigError(
                f"EncoderDecoder: vectors of {embedding.embedding_dim} for an encoder of {encoder.stack.input_size},"
                f" and {encoder.output_size} features for a memory of {decoder.attention.memory_size}; both pairs must"
                " agree"
            )
        self.embedding = embedding
        self.encoder = encoder
        self.decoder = decoder
        self.drop_input = nn.Dropout(dropout)
        self.drop_memory = nn.Dropout(dropout)
        self.scale = vector_scale(embedding.embedding_dim)

    def read(self, source_BS: Tensor, lengths: Tensor) -> Writing:
        """Read texts: the decoder's state before the first token.

        Args:
            source_BS: (B, S) tokens.
            lengths: (B,) in [0, S].
        """
        encoded = self.encoder(self.drop_input(self.embedding(source_BS) * self.scale), lengths)
        return self.decoder.start(self.drop_memory(encoded.y), encoded.last, lengths)

    def forward(
        self,
        source_BS: Tensor,
        source_lengths: Tensor,
        target_BT: Tensor,
        target_lengths: Tensor,
        smoothing: float = 0.0,
    ) -> Tensor:
        """The summed cost of the target texts and their ends, given the source texts.

        Args:
            source_BS: (B, S) tokens.
            source_lengths: (B,) in [0, S].
            target_BT: (B, T) tokens; 0 past a row's end.
            target_lengths: (B,) in [0, T].
            smoothing: of the labels, see `unroll.models.softmax.softmax_cost`.
        """
        return self.decoder.cost(target_BT, target_lengths, self.read(source_BS, source_lengths), smoothing=smoothing)
