"""The training step of a translator beside the same network on torch.nn, and how fast it translates.

    python benchmarks/translator.py --out benchmarks/results/translator

Both networks have the weights of one, so their costs and gradients are compared first. The peer is written as it
usually is: torch.nn.GRU with packed sequences, logits of all positions, torch's cross_entropy that ignores padding.
Batches have the lengths of short sentences, 5 to 25 tokens, sorted into groups of like length as unroll's loader does.
`--joeynmt` also times JoeyNMT's recurrent network of the same sizes, where it is installed; its weights are its own, so
its costs are not compared. `--run RUN --texts FILE` also times the translation of a file's lines with a trained run.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from records import write
from timed import file_of, stamp
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from unroll.bench.measure import alternate
from unroll.data import pad_tokens
from unroll.models.encoder_decoder import EncoderDecoder
from unroll.tasks.pair_settings import build_network
from unroll.tasks.translate.settings import TranslateSettings

#: Pairs of a batch, batches, tokens of a vocabulary, and of a text at least and at most.
BATCH, BATCHES, VOCABULARY, SHORTEST, LONGEST = 64, 16, 3_000, 5, 25
SMOOTHING = 0.1


class Peer(nn.Module):
    """The same network of torch.nn's parts, with the weights of another.

    Args:
        network: whose weights it copies.
    """

    def __init__(self, network: EncoderDecoder) -> None:
        super().__init__()
        decoder = network.decoder
        size, hidden = decoder.embedding.embedding_dim, decoder.attention.query_size
        self.scale = network.scale
        self.source = nn.Embedding.from_pretrained(network.embedding.weight.detach().clone(), freeze=False)
        self.target = nn.Embedding.from_pretrained(decoder.embedding.weight.detach().clone(), freeze=False)
        self.encoder = nn.GRU(size, hidden // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.GRU(size, hidden, batch_first=True)
        for layer, prefix in ((self.encoder, "encoder.stack.layers.0."), (self.decoder, "decoder.body.layers.0.")):
            own = {name.removeprefix(prefix): value for name, value in network.state_dict().items()}
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                sides = (("", "forwards."), ("_reverse", "backwards.")) if layer.bidirectional else (("", ""),)
                for end, side in sides:
                    getattr(layer, f"{name}_l0{end}").data.copy_(own[side + name])
        self.first, self.key = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden, bias=False)
        self.mix = nn.Linear(decoder.mix.in_features, size)
        self.bias = nn.Parameter(decoder.bias.detach().clone())
        self.first.load_state_dict(decoder.first[0].state_dict())
        self.key.load_state_dict(decoder.attention.key.state_dict())
        self.mix.load_state_dict(decoder.mix.state_dict())

    def forward(self, source: Tensor, sources: Tensor, target: Tensor, targets: Tensor) -> Tensor:
        """The summed cost of targets and ends."""
        x = self.source(source) * self.scale
        packed = pack_padded_sequence(x, sources, batch_first=True, enforce_sorted=False)
        states, last = self.encoder(packed)
        memory, _ = pad_packed_sequence(states, batch_first=True)
        start = torch.tanh(self.first(torch.cat([last[0], last[1]], dim=-1))).unsqueeze(0)
        read = pack_padded_sequence(
            self.target(functional.pad(target, (1, 0))) * self.scale,
            targets + 1,
            batch_first=True,
            enforce_sorted=False,
        )
        y, _ = pad_packed_sequence(self.decoder(read, start)[0], batch_first=True)
        scores = y @ self.key(memory).transpose(1, 2)
        blank = torch.arange(memory.shape[1]) >= sources.unsqueeze(1)
        weights = scores.masked_fill(blank.unsqueeze(1), -torch.inf).softmax(dim=-1)
        mean = weights @ torch.cat([memory, x], dim=-1)
        logits = functional.linear(torch.tanh(self.mix(torch.cat([y, mean], dim=-1))), self.target.weight, self.bias)
        wanted = functional.pad(target, (0, 1))
        wanted = wanted.masked_fill(torch.arange(wanted.shape[1]) > targets.unsqueeze(1), -100)
        return functional.cross_entropy(
            logits.flatten(0, 1), wanted.flatten(), reduction="sum", label_smoothing=SMOOTHING
        )


def joeynmt(network: EncoderDecoder) -> nn.Module:
    """JoeyNMT's recurrent network of the same sizes: a GRU of both directions, one that writes, and multiplicative
    attention without input feeding."""
    from joeynmt.decoders import RecurrentDecoder
    from joeynmt.embeddings import Embeddings
    from joeynmt.encoders import RecurrentEncoder
    from joeynmt.loss import XentLoss

    class JoeyNMT(nn.Module):
        def __init__(self, size: int, hidden: int) -> None:
            super().__init__()
            self.source = Embeddings(size, scale=True, vocab_size=VOCABULARY, padding_idx=0)
            self.target = Embeddings(size, scale=True, vocab_size=VOCABULARY, padding_idx=0)
            self.encoder = RecurrentEncoder("gru", hidden // 2, size)
            self.decoder = RecurrentDecoder(
                "gru", size, hidden, self.encoder, "luong", vocab_size=VOCABULARY, input_feeding=False
            )
            self.cost = XentLoss(pad_index=0, smoothing=SMOOTHING)

        def forward(self, source: Tensor, sources: Tensor, target: Tensor, targets: Tensor) -> Tensor:
            # It takes rows from the longest to the shortest.
            sources, order = sources.sort(descending=True)
            source, target, targets = source[order], target[order], targets[order]
            there = (torch.arange(source.shape[1]) < sources.unsqueeze(1)).unsqueeze(1)
            states, last, *_ = self.encoder(self.source(source), sources, there)
            read = functional.pad(target, (1, 0), value=1)
            wanted = functional.pad(target, (0, 1)).scatter(1, targets.unsqueeze(1), 1)
            logits, *_ = self.decoder(self.target(read), states, last, there, read.shape[1])
            return self.cost(logits.log_softmax(dim=-1), trg=wanted)

    return JoeyNMT(network.decoder.embedding.embedding_dim, network.decoder.attention.query_size)


def batches(seed: int = 0) -> list[tuple[Tensor, ...]]:
    """Pairs of tokens, in groups of like length."""
    rng = np.random.default_rng(seed)
    lengths = np.sort(rng.integers(SHORTEST, LONGEST + 1, BATCHES * BATCH)).reshape(BATCHES, BATCH)
    found = []
    for own in lengths[rng.permutation(BATCHES)]:
        source, sources = pad_tokens([rng.integers(2, VOCABULARY, length) for length in own])
        others = np.clip(own + rng.integers(-2, 3, BATCH), SHORTEST, LONGEST)
        target, targets = pad_tokens([rng.integers(2, VOCABULARY, length) for length in others])
        found.append((source, sources, target, targets))
    return found


def training(rounds: int, seconds: float, *, beside_joeynmt: bool) -> dict[str, Any]:
    """Target tokens per second of all, in turns, and how far costs and gradients of torch.nn's lie apart from ours."""
    torch.manual_seed(0)
    settings = TranslateSettings(dropout=0.0)
    network = build_network(settings, VOCABULARY, VOCABULARY, shared=False)
    peer = Peer(network)
    found = batches()
    tokens = sum(int(batch[3].sum()) + BATCH for batch in found) / len(found)
    own = network(*found[0], SMOOTHING)
    other = peer(*found[0])
    own.backward()
    other.backward()
    grads = [part.grad for part in (network.decoder.embedding.weight, peer.target.weight) if part.grad is not None]
    apart, largest = (float(value.abs().max()) for value in (grads[0] - grads[1], grads[1]))
    error = {"cost": abs(own.item() / other.item() - 1), "gradient": apart / largest}
    steps = {}
    peers: dict[str, nn.Module] = {"unroll": network, "torch.nn": peer}
    if beside_joeynmt:
        peers["joeynmt"] = joeynmt(network)
    for name, module in peers.items():
        optimiser = torch.optim.AdamW(module.parameters(), fused=True)
        at = iter(range(1 << 40))

        def step(module: nn.Module = module, optimiser: Any = optimiser, at: Any = at) -> None:
            batch = found[next(at) % BATCHES]
            optimiser.zero_grad()
            cost = module(*batch, SMOOTHING) if isinstance(module, EncoderDecoder) else module(*batch)
            (cost / (int(batch[3].sum()) + BATCH)).backward()
            optimiser.step()

        steps[name] = step
    # A block is a whole number of passes over the batches, so that all see the same ones.
    passes = {name: (lambda step=step: [step() for _ in range(BATCHES)]) for name, step in steps.items()}
    timings = alternate(list(passes.values()), rounds=rounds, seconds=seconds)
    rates = [tokens * BATCHES / timing.median for timing in timings]
    return {
        "difference": error,
        "tokens_per_second": dict(zip(passes, (round(rate) for rate in rates), strict=True)),
        "ratio": round(timings[1].over(timings[0]), 3),
        **({"ratio_joeynmt": round(timings[2].over(timings[0]), 3)} if beside_joeynmt else {}),
        "threads": torch.get_num_threads(),
    }


def translating(run: Path, texts: Path, lines: int) -> dict[str, Any]:
    """Seconds for the first lines of a file, with the run's own search."""
    import unroll

    model = unroll.load(run)
    sources = texts.read_text("utf-8").splitlines()[:lines]
    model.predict(sources[:8])
    begin = time.perf_counter()
    model.predict(sources)
    return {"lines": len(sources), "seconds": round(time.perf_counter() - begin, 2), "threads": torch.get_num_threads()}


def main() -> None:
    """Measure, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder of the record")
    parser.add_argument("--run", type=Path, help="a trained translator")
    parser.add_argument("--texts", type=Path, help="what it translates, a text a line")
    parser.add_argument("--lines", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--joeynmt", action="store_true", help="beside JoeyNMT's network, too")
    options = parser.parse_args()
    record: dict[str, Any] = {
        **stamp(("torch", "joeynmt") if options.joeynmt else ("torch",)),
        "training": training(options.rounds, options.seconds, beside_joeynmt=options.joeynmt),
    }
    if options.run is not None and options.texts is not None:
        record["translating"] = translating(options.run, options.texts, options.lines)
    print(json.dumps(record, indent=1))
    if options.out is not None:
        write(record, file_of(record, options.out))


if __name__ == "__main__":
    main()
