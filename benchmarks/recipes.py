"""Training runs to published or measured figures: one line of options each, on public data that is not part of unroll.

`scripts/recipes NAME --data DIR` runs one and records it; DIR is the folder in which the files below stand. To add one,
add it to the list. In options "{data}" stands for the data folder, "{prepared}" for the folder that `prepare` filled,
and "{pretrained}" for the run of `pretraining`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import prepare

#: As the value of a goal: the baseline with the best score on the test part, whichever that is.
BEST_BASELINE = "best baseline"


class Goal(NamedTuple):
    """What a recipe must reach on the test part.

    Attributes:
        metric: the name in metrics.json.
        value: the bound, or the name of the baseline whose score is the bound, or BEST_BASELINE.
        higher_is_better: whether the score must be at least the bound, or at most.
        source: where the bound comes from.
        margin: how much better than a baseline it must be.
    """

    metric: str
    value: float | str
    higher_is_better: bool
    source: str
    margin: float = 0.0


class Pretraining(NamedTuple):
    """The `unroll train` whose weights the recipe starts from.

    Attributes:
        data: as a recipe's.
        options: as a recipe's.
    """

    data: str
    options: tuple[str, ...]


class Recipe(NamedTuple):
    """One run of `unroll train`, recorded for one or more seeds.

    Attributes:
        name: what `scripts/recipes` takes.
        data: a path below the data folder, a path that starts with "{prepared}", or the name of a built-in set.
        options: the options of `unroll train` after DATA.
        goal: what must be reached, or None if the run is only recorded.
        builtin: whether `data` is a built-in set.
        prepare: writes files made from the data folder into another folder: prepare(data, into). Its docstring says
            what it does.
        pretraining: what is trained before.
    """

    name: str
    data: str
    options: tuple[str, ...] = ()
    goal: Goal | None = None
    builtin: bool = False
    prepare: Callable[[Path, Path], None] | None = None
    pretraining: Pretraining | None = None


class MemoryRecipe(NamedTuple):
    """Runs of `unroll memory`: which networks remember over a lag, recorded for one or more seeds.

    Attributes:
        name: what `scripts/recipes` takes.
        commands: what follows `unroll memory`, for each run; every network with its own options, or all in one.
        solved: for each network that the goal is about, whether it must solve the task.
        source: where the goal comes from.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    solved: dict[str, bool]
    source: str


RECIPES: tuple[Recipe | MemoryRecipe, ...] = (
    Recipe(
        "NAB",
        "anomaly/NAB/data",
        ("--task", "detect", "--labels", "{data}/anomaly/NAB/labels/combined_windows.json"),
        Goal(
            "nab_standard",
            60.0,
            True,
            "scoreboard: HTM 70, windowed Gaussian 39.6 (with ten more series)",
        ),
    ),
    Recipe(
        "sms_spam",
        "spam/sms_spam/SMSSpamCollection",
        ("--set", "model.wide=word"),
        Goal("accuracy", 0.988, True, "a published BiLSTM reaches 98.6, TF-IDF with logistic regression 98.6"),
    ),
    Recipe(
        "nsmc",
        "sentiment_ko/nsmc/ratings_train.txt.gz",
        (
            *("--test", "{data}/sentiment_ko/nsmc/ratings_valid.txt", "--init", "{pretrained}"),
            *("--set", "data.validation_fraction=0.05", "--set", "training.layer_decay=2.6"),
            *("--set", "model.wide=jamo"),
        ),
        Goal("accuracy", 0.865, True, "TF-IDF with logistic regression reaches 85.4"),
        pretraining=Pretraining(
            "sentiment_ko/nsmc/ratings_train.txt.gz",
            (
                *("--task", "fill", "--epochs", "6", "--set", "model.tokens=bpe", "--set", "model.vocabulary=4000"),
                *("--set", "model.compare=false", "--set", "model.baseline_order=1"),
                *("--set", "data.validation_fraction=0.02", "--set", "data.test_fraction=0"),
            ),
        ),
    ),
    *(
        Recipe(name, f"tsc/{name}", (), Goal("accuracy", bound, True, source))
        for name, bound, source in (
            ("GunPoint", 0.98, "MiniRocket of aeon 1.6 reaches 99.3, the nearest neighbour 91.3"),
            ("ArrowHead", 0.84, "MiniRocket of aeon 1.6 reaches 86.3, the nearest neighbour 80.0"),
            ("BasicMotions", 0.99, "MiniRocket of aeon 1.6 reaches 100, the nearest neighbour 90"),
            ("ItalyPowerDemand", 0.953, "MiniRocket of aeon 1.6 reaches 96.3, the nearest neighbour 95.5"),
        )
    ),
    Recipe(
        "JapaneseVowels",
        "tsc/JapaneseVowels",
        (),
        Goal("accuracy", 0.95, True, "nearest neighbour with dynamic time warping reaches 94.9"),
    ),
    Recipe(
        "names",
        "text_classification/names",
        (),
        Goal("accuracy", 0.83, True, "TF-IDF with logistic regression reaches 83.5"),
    ),
    Recipe(
        "rt_polarity",
        "sentiment_en/rt_polarity",
        (),
        Goal("accuracy", 0.785, True, "TF-IDF with logistic regression reaches 77.5; random starts of CNN and LSTM 76"),
    ),
    Recipe(
        "clinc150",
        "{prepared}/train.jsonl",
        (
            *("--test", "{prepared}/val.jsonl", "--hidden-size", "128", "--set", "model.embedding_size=200"),
            *("--set", "model.skip=true", "--set", "model.pairs=true", "--set", "data.validation_fraction=0.03"),
        ),
        Goal("accuracy", 0.935, True, "TF-IDF with logistic regression reaches 91.9"),
        prepare=prepare.clinc150,
    ),
    Recipe(
        "goemotions",
        "sentiment_en/goemotions/group_train.tsv.gz",
        ("--task", "classify", "--target", "column2", "--test", "{data}/sentiment_en/goemotions/group_dev.tsv"),
    ),
    Recipe(
        "fill_war_and_peace",
        "language_modelling/war_and_peace/2600-0.txt.gz",
        (
            *("--task", "fill", "--epochs", "3", "--set", "model.vocabulary=8000", "--set", "model.frame=drop"),
            *("--set", "data.validation_fraction=0.05", "--set", "data.test_fraction=0.05"),
        ),
        Goal("accuracy", "the same model, left side only", True, "both sides must know more than one"),
    ),
    Recipe(
        "fill_nsmc",
        "sentiment_ko/nsmc/ratings_train.txt.gz",
        (
            *("--task", "fill", "--epochs", "3", "--set", "model.vocabulary=8000"),
            *("--set", "data.validation_fraction=0.05", "--set", "data.test_fraction=0.05"),
        ),
        Goal("accuracy", "the same model, left side only", True, "both sides must know more than one"),
    ),
    Recipe("digits", "digits", (), Goal("accuracy", 0.97, True, "a standard set"), builtin=True),
    Recipe(
        "ETTh1",
        "forecasting/ETT-small/ETTh1.csv.gz",
        (
            "--task",
            "forecast",
            "--target",
            "OT",
            "--time",
            "date",
            "--horizon",
            "24",
            "--set",
            "model.input_length=96",
            "--set",
            "model.split=8640,2880,2880",
        ),
        Goal("mse", 0.028, False, "naive 0.034; DeepAR's published figure for input 96, horizon 24 is 0.107"),
    ),
    Recipe(
        "ETTh1-168",
        "forecasting/ETT-small/ETTh1.csv.gz",
        (
            *("--task", "forecast", "--target", "OT", "--time", "date", "--horizon", "168"),
            *("--set", "model.split=8640,2880,2880"),
        ),
        Goal("mse", BEST_BASELINE, False, "same split"),
    ),
    Recipe(
        "M4-Hourly",
        "forecasting/M4/Hourly-train.csv.gz",
        ("--task", "forecast", "--test", "{data}/forecasting/M4/Hourly-test.csv", "--horizon", "48"),
        Goal("smape", 10.5, False, "ES-RNN 9.33, Naive2 18.38"),
    ),
    Recipe("sunspots", "sunspots", (), Goal("mase", "seasonal naive", False, "same split"), builtin=True),
    Recipe("co2", "co2", (), Goal("mase", "seasonal naive", False, "same split"), builtin=True),
    *(
        Recipe(name, path, ("--task", "forecast", *options), Goal("mase", BEST_BASELINE, False, "same split"))
        for name, path, *options in (
            ("airline_passengers", "forecasting/classic/airline-passengers.csv"),
            ("min_temperatures", "forecasting/classic/daily-min-temperatures.csv"),
            ("monthly_sunspots", "forecasting/classic/monthly-sunspots.csv"),
            ("seattle_weather", "forecasting/classic/seattle-weather.csv"),
            ("pollution", "forecasting/classic/pollution.csv.gz", "--target", "pm2.5"),
            ("sp500", "stocks/sp500.csv"),
            ("stocks", "stocks/stocks.csv"),
        )
    ),
    Recipe(
        "EWT",
        "pos/UD_English-EWT/en_ewt-ud-train.conllu.gz",
        (
            *("--test", "{data}/pos/UD_English-EWT/en_ewt-ud-dev.conllu", "--target", "upos", "--epochs", "8"),
            *("--set", "data.validation_fraction=0.03", "--set", "training.average=0.995"),
            *("--set", "model.character_size=50", "--set", "model.character_hidden=100"),
        ),
        Goal("token_accuracy", 0.95, True, "a transformer reaches 96.9"),
    ),
    Recipe(
        "Korean-GSD",
        "pos/UD_Korean-GSD/ko_gsd-ud-train.conllu.gz",
        (
            *("--test", "{data}/pos/UD_Korean-GSD/ko_gsd-ud-dev.conllu", "--target", "upos"),
            *("--set", "data.validation_fraction=0.03", "--set", "training.average=0.995"),
            *("--set", "model.character_size=50", "--set", "model.character_hidden=100"),
        ),
        Goal("token_accuracy", 0.94, True, "the linear tagger reaches 92.7"),
    ),
    Recipe(
        "klue_ner",
        "ner/klue_ner_subset/klue-ner_train.tsv",
        (
            *("--test", "{data}/ner/klue_ner_subset/klue-ner_valid.tsv", "--format", "conll"),
            *("--set", "data.validation_fraction=0.05", "--set", "training.average=0.995"),
        ),
        Goal("entity_f1", BEST_BASELINE, True, "ten points above both baselines", 0.1),
    ),
    Recipe(
        "wnut17",
        "ner/wnut17/wnut17train.conll",
        (
            *("--test", "{data}/ner/wnut17/emerging.dev.conll"),
            *("--set", "data.validation_fraction=0.05", "--set", "training.average=0.995"),
        ),
        Goal("entity_f1", BEST_BASELINE, True, "ten points above both baselines", 0.1),
    ),
    Recipe(
        "btc",
        "{prepared}/train.conll",
        (
            *("--validation", "{data}/ner/btc/h.conll", "--test", "{data}/ner/btc/f.conll"),
            *("--set", "training.average=0.995", "--set", "model.broken=drop"),
        ),
        Goal("entity_f1", BEST_BASELINE, True, "ten points above both baselines", 0.1),
        prepare=prepare.btc,
    ),
    Recipe(
        "war_and_peace",
        "language_modelling/war_and_peace/2600-0.txt.gz",
        (
            *("--task", "generate", "--hidden-size", "512", "--epochs", "4"),
            *("--set", "data.validation_fraction=0.02", "--set", "model.frame=drop"),
            *("--set", "training.learning_rate=0.003"),
        ),
        Goal("nats_per_character", 1.20, False, "Karpathy et al. 2015, table 1: 1.08 to 1.45 by size"),
    ),
    Recipe(
        "multi30k",
        "{prepared}",
        ("--task", "translate", "--source", "de", "--target", "en", "--set", "data.validation_fraction=0.034"),
        Goal("bleu", 31.0, True, "GRU with attention, 20.5 M parameters, reaches 28.1"),
        prepare=prepare.multi30k,
    ),
    Recipe(
        "tatoeba_ko_en",
        "translation/tatoeba_ko_en/kor.txt",
        ("--task", "translate", "--source", "column2", "--target", "column1"),
        Goal("chrf", "word-for-word dictionary", True, "ten points above the dictionary", 10.0),
    ),
    Recipe(
        "hangul",
        "hangul",
        ("--set", "model.tokens=jamo", "--epochs", "3", "--hidden-size", "128"),
        Goal("exact_match", 0.95, True, "syllables that training never showed"),
        builtin=True,
    ),
    Recipe(
        "cldr",
        "cldr",
        ("--set", "model.tokens=jamo"),
        Goal("chrf", "word-for-word dictionary", True, "above the dictionary: names that training never showed"),
        builtin=True,
    ),
    Recipe("songys_ko", "chatbot/songys_ko/ChatbotData.csv", ()),
    Recipe(
        "topical_chat",
        "chatbot/topical_chat/valid_freq.jsonl.gz",
        ("--test", "{data}/chatbot/topical_chat/valid_rare.jsonl.gz"),
    ),
    Recipe(
        "fsdd",
        "{prepared}/fsdd.tsv",
        ("--set", "data.split_column=part"),
        Goal("word_accuracy", 0.99, True, "a BiLSTM reaches 97.3"),
        prepare=prepare.fsdd,
    ),
    Recipe(
        "fsdd_stream",
        "{prepared}/fsdd.tsv",
        ("--set", "data.split_column=part", "--no-bidirectional"),
        Goal("word_accuracy", 0.98, True, "a BiLSTM, which hears the whole recording, reaches 97.3"),
        prepare=prepare.fsdd,
    ),
    Recipe(
        "babi",
        "{prepared}/babi",
        ("--epochs", "30", "--set", "data.validation_fraction=0.1"),
        Goal("mean_accuracy", 0.70, True, "Weston et al. 2015, table 3: an LSTM reaches 49.2 on the 1k form"),
        prepare=prepare.babi,
    ),
    Recipe(
        "babi_supported",
        "{prepared}/babi",
        ("--epochs", "20", "--set", "data.validation_fraction=0.1", "--set", "model.support=0.3"),
        Goal("mean_accuracy", 0.70, True, "the same, and the looks are also taught which lines support the answers"),
        prepare=prepare.babi,
    ),
    Recipe(
        "xquad",
        "question_answering/xquad_en_subset/xquad.en.first24articles.json",
        ("--epochs", "15", "--set", "model.dropout=0.3"),
        Goal("f1", BEST_BASELINE, True, "the sliding window on the same split; 24 articles are small data"),
    ),
    Recipe(
        "flickr8k",
        "captioning/flickr8k_subset",
        ("--epochs", "15", "--backbone", "{data}/backbones/tf_efficientnet_lite0.safetensors"),
        Goal("cider_d", "nearest image", True, "1.5 times the nearest image's is the aim"),
    ),
    Recipe(
        "nlvr",
        "{prepared}/captions.csv",
        ("--epochs", "30", "--set", "data.split_column=split", "--set", "model.side=200"),
        Goal("cider_d", "nearest image", True, "same split, by sentence"),
        prepare=prepare.nlvr,
    ),
    Recipe(
        "digit_captions",
        "{prepared}/captions.csv",
        ("--epochs", "10", "--set", "data.split_column=split", "--set", "model.dropout=0.2"),
        Goal("exact_match", 0.95, True, "every digit is one of the test part's own"),
        prepare=prepare.digit_captions,
    ),
    MemoryRecipe(
        "adding",
        (
            (
                *("adding", "--lag", "200", "--cell", "rnn,chrono-lstm,chrono-gru"),
                *("--hidden-size", "100", "--steps", "10000"),
            ),
            (
                *("adding", "--lag", "200", "--cell", "irnn"),
                *("--hidden-size", "100", "--batch-size", "16", "--steps", "60000"),
            ),
        ),
        {"rnn": False, "chrono-lstm": True, "chrono-gru": True, "irnn": True},
        "Le, Jaitly, Hinton 2015, section 4.1, at a lag of 200",
    ),
    MemoryRecipe(
        "parity",
        (
            (
                *("parity", "--lag", "50", "--cell", "grid,lstm", "--num-layers", "6"),
                *("--batch-size", "100", "--learning-rate", "0.003", "--steps", "6000"),
            ),
        ),
        {"grid": True},
        "Kalchbrenner et al. 2015, section 4.1: solved up to 250 bits",
    ),
)
