"""`pigeval train`: the stages by which PIGReward is trained; each reads a folder and writes one, and resumes."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pigeval.listing import printable

STAGES = {
    "split": "share out users and images: reasoner, reward model, evaluation",
    "base": "make a small model from random weights and teach it to see (not with a pretrained one)",
    "rationales": "the untrained model argues either way for each past choice: preference pairs",
    "reasoner": "DPO on these pairs, then a check on held-out ones",
    "contexts": "the reasoner writes what the reward model will read",
    "cot": "a teacher answers the reward model's questions; what keeps the rules is kept",
    "reward": "supervised fine-tuning on these answers",
    "export": "make a judge folder of the pair",
    "all": "every stage, one after the other",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    listed = "\n".join(f"  {name:<11} {what}" for name, what in STAGES.items())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"stages:\n{listed}"
    parser.add_argument("stage", choices=STAGES, metavar="STAGE", help="see below")
    parser.add_argument("--preset", default="tiny", metavar="NAME", help="name or TOML file (tiny)")
    parser.add_argument("--work", type=Path, default=Path("work"), metavar="DIR",
                        help="folder of the stages' folders (work/)")  # fmt: skip
    parser.add_argument("--set", action="append", default=[], dest="changes", metavar="KEY=VALUE",
                        help="change a setting of the preset, such as reasoner.beta=0.3 (repeatable)")  # fmt: skip
    parser.add_argument("--fresh", action="store_true", help="begin the stage anew")
    parser.add_argument("--promote-worse", action="store_true", help="take a reasoner that did worse after DPO")
    parser.add_argument("--unchecked", action="store_true", help="begin even where memory looks short")
    parser.add_argument("--incomplete", action="store_true", help="go on without teacher's answers that do not come")
    parser.add_argument("--push", metavar="OWNER/NAME", help="with export: upload the judge folder to the hub")
    parser.add_argument("--plugin", type=Path, action="append", default=[], metavar="FILE",
                        help="Python file that defines a data set (repeatable)")  # fmt: skip


def main(options: argparse.Namespace) -> int:
    """Runs a stage, or goes on with it."""
    from harness.errors import ConfigError
    from harness.progress import default_progress
    from training.launched import main_process
    from training.presets import read_preset
    from training.session import Session
    from training.stage import Work
    from training.stages import RUN, run_all

    if options.push and options.stage not in ("export", "all"):
        raise ConfigError("--push uploads a judge folder; it goes with `pigeval train export`")
    if options.fresh and options.stage == "all":
        raise ConfigError("--fresh begins one stage anew; name it, or name another --work folder")
    session = Session(
        Work(options.work),
        read_preset(options.preset, options.changes),
        default_progress(),
        fresh=options.fresh,
        promote_worse=options.promote_worse,
        unchecked=options.unchecked,
        incomplete=options.incomplete,
        plugins=options.plugin,
        say=lambda text: print(printable(text), flush=True),
    )
    record = run_all(session) if options.stage == "all" else RUN[options.stage](session)
    if main_process():
        _show(record)
    if options.push:
        from training.export import push

        print(printable(push(session.judge, options.push)))
    return 0


def _show(record: Mapping[str, Any]) -> None:
    if not record:
        return
    print(printable(f"{record['stage']}: done in {record['seconds']} s, digest {record['digest'][:19]}"))
    for key, value in record["facts"].items():
        print(printable(f"  {key}: {_plain(value)}"))


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(of)}" for key, of in value.items())
    return str(value)
