"""What can be typed: every command, its flags and its help, and the function that answers it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

from pqcore.errors import UsageError

SCOPES = ("hashes", "wrappers", "signatures")

_DESCRIPTION = "Moves the hashes, wrapped keys and signatures stored in a database to post-quantum-safe algorithms."
_EPILOG = "Without a command the console opens. Exit codes and every flag: docs/CLI.md. A first look: pqconsole demo"


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are errors of this program: one sentence and a remedy."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}", f"Run '{self.prog} --help' to see what can be given")


class _Version(argparse.Action):
    """Prints the installed version; looked up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"pqconsole {version('pqconsole')}")
        except PackageNotFoundError:
            print("pqconsole, run from its sources")
        parser.exit()


def build_parser() -> Parser:
    """The whole command line. ``handler`` of the result names the function that answers it."""
    parser = Parser(prog="pqconsole", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and leave")
    _add_common(parser, {"url": None, "profile": None, "read_only": None, "operator": None})
    parser.set_defaults(handler="pqtui.cli.console:open_console")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    _add_init(commands)
    _add_jobs(commands)
    _add_work(commands)
    _add_operations(commands)
    _add_keys(commands)
    _add_algorithms(commands)
    _add_profile(commands)
    _add_policies(commands)
    _add_inspect(commands)
    _add_doctor(commands)
    _add_demo(commands)
    return parser


def _add_common(parser: argparse.ArgumentParser, defaults: dict[str, Any] | None = None) -> None:
    """Add the flags that every command takes.

    The commands leave out what is not given (``SUPPRESS``), so that a flag before the command stays in force.
    """

    def default(name: str) -> Any:
        return argparse.SUPPRESS if defaults is None else defaults[name]

    group = parser.add_argument_group("which database, and as whom")
    group.add_argument("--url", default=default("url"), help="database URL (or PQCONSOLE_URL, or a profile)")
    group.add_argument("--profile", default=default("profile"), metavar="NAME", help="profile of the settings file")
    group.add_argument(
        "--read-only",
        action="store_const",
        const=True,
        default=default("read_only"),
        help="refuse whatever would change something",
    )
    group.add_argument(
        "--as",
        dest="operator",
        type=_positive,
        default=default("operator"),
        metavar="USER_ID",
        help="users.id to record as the creator of jobs",
    )


def _command(commands: Any, name: str, help_text: str, handler: str, **options: Any) -> Parser:
    parser: Parser = commands.add_parser(name, help=help_text, description=_sentence(help_text), **options)
    _add_common(parser)
    parser.set_defaults(handler=f"pqtui.cli.{handler}")
    return parser


def _group(commands: Any, name: str, help_text: str) -> Any:
    parser: Parser = commands.add_parser(name, help=help_text, description=_sentence(help_text))
    _add_common(parser)
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _json_or_csv(parser: argparse.ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV, safe to open in a spreadsheet")


def _add_init(commands: Any) -> None:
    parser = _command(commands, "init", "install or upgrade the tables and views", "init:init")
    parser.add_argument("--dry-run", action="store_true", help="print the SQL and change nothing")
    parser.add_argument(
        "--seed",
        action="store_true",
        help="also add missing algorithms and policies to catalogue tables that another product made",
    )
    _json(parser)


def _add_jobs(commands: Any) -> None:
    group = _group(commands, "jobs", "list, show, create, run, steer and tune jobs")

    listing = _command(group, "list", "list jobs, newest first", "jobs:list_jobs")
    listing.add_argument("filter", nargs="*", metavar="FILTER", help="words such as status:failed table:users")
    listing.add_argument("--limit", type=_natural, metavar="N", help="at most N jobs; 0 is all (200 on a terminal)")
    _json_or_csv(listing)

    show = _command(group, "show", "show one job with its progress, events and dead letters", "jobs:show_job")
    show.add_argument("id", type=_positive)
    show.add_argument("--dead-letters", action="store_true", help="print all its dead letters and nothing else")
    _json_or_csv(show)

    create = _command(group, "create", "check a selection and create a job for it", "jobs:create_job")
    create.add_argument("--scope", required=True, choices=SCOPES, help="what is to be migrated")
    create.add_argument("--algorithm", metavar="NAME[/VARIANT]", help="target algorithm, e.g. ML-DSA-65")
    create.add_argument(
        "--policy", metavar="NAME", help="target policy; it names the algorithm, or has to allow the one that is named"
    )
    create.add_argument("--selection", required=True, metavar="FILE", help="selection document; - is standard input")
    create.add_argument(
        "--at", metavar="TIME", help="not before: ISO 8601 (UTC without a zone) or +90s, +30m, +2h, +1d"
    )
    _json(create)

    run = _command(group, "run", "run jobs here and now, in this process", "jobs:run_jobs")
    run.add_argument("id", type=_positive, nargs="+")
    run.add_argument("--threads", type=_positive, metavar="N", help="worker threads")
    _json(run)

    for name, help_text in (
        ("pause", "pause jobs; what is done stays done"),
        ("resume", "let paused jobs go on"),
        ("cancel", "cancel jobs; rows already migrated stay migrated"),
        ("retry", "queue failed or cancelled jobs again, from where they stopped"),
    ):
        action = _command(group, name, help_text, f"jobs:{name}_jobs")
        action.add_argument("id", type=_positive, nargs="+")
        if name == "retry":
            how = action.add_mutually_exclusive_group()
            how.add_argument("--from-scratch", action="store_true", help="start over instead of resuming")
            how.add_argument("--dead-letters", action="store_true", help="take the dead letters of ended jobs alone")
        _json(action)

    _add_tune(group)


def _add_tune(group: Any) -> None:
    tune = _command(group, "tune", "change the limits of a job, also while it runs", "tune:tune_job")
    tune.add_argument("id", type=_positive)

    def limit(flag: str, metavar: str, help_text: str, read: Callable[[str], Any], **options: Any) -> None:
        # left out where it is not given, since "none" is a value, too
        tune.add_argument(flag, type=read, metavar=metavar, help=help_text, default=argparse.SUPPRESS, **options)

    limit("--rows-per-second", "N", "rows a second at most; none lifts it, as for each limit", _number)
    limit("--window", "HH:MM-HH:MM", "work at this time of day; may be given again", str, action="append")
    limit("--time-zone", "NAME", "the zone of the windows, e.g. Europe/Berlin; none is UTC", _word)
    limit("--max-replica-lag", "SECONDS", "wait while a replica is further behind", _number)
    limit("--max-running", "N", "wait while more sessions are at work in the server", _number)
    limit("--max-rows", "N", "rows in one batch at most", _number)
    limit("--target-ms", "N", "aim for the transaction that writes a batch", _number)
    tune.add_argument("--reset", action="store_true", help="back to the limits of the job's selection")
    _json(tune)


def _add_work(commands: Any) -> None:
    parser = _command(commands, "work", "claim and run jobs that are due", "work:work")
    parser.add_argument("--drain", action="store_true", help="end when nothing is due: 0 if all are done, 1 if not")
    parser.add_argument("--handed-over", type=_natural, metavar="FD", help="for consoles that hand their jobs over")
    parser.add_argument("--threads", type=_positive, metavar="N", help="worker threads")
    _json(parser)


def _add_operations(commands: Any) -> None:
    for name, help_text in (
        ("verify", "read every value that a job migrated again and prove it"),
        ("rollback", "put the originals that a job kept back, where its rows are unchanged since"),
        ("finalize", "destroy the originals that a verified job kept"),
    ):
        parser = _command(commands, name, help_text, f"operations:{name}")
        parser.add_argument("id", type=_positive)
        parser.add_argument("--threads", type=_positive, metavar="N", help="worker threads")
        if name == "finalize":
            parser.add_argument("--yes", action="store_true", help="yes, destroy them: this cannot be undone")
        _json(parser)


def _add_keys(commands: Any) -> None:
    group = _group(commands, "keys", "make, import, rotate, retire and show keys")

    listing = _command(group, "list", "list keys and their versions", "keys:list_keys")
    _json(listing)

    generate = _command(group, "generate", "make a key, or the next version of one", "keys:generate_key")
    generate.add_argument("name")
    generate.add_argument("algorithm", help="e.g. ML-KEM-768+X25519, ML-DSA-65, PEPPER")
    generate.add_argument(
        "--liboqs", action="store_true", help="an ML-DSA key that signs through liboqs: faster, and there alone"
    )
    _json(generate)

    importing = _command(group, "import", "store a key made elsewhere", "keys:import_key")
    importing.add_argument("name")
    importing.add_argument("file", help="PEM, DER or raw bytes; - is standard input")
    importing.add_argument("--algorithm", help="what the bytes are, where they are raw")
    _json(importing)

    show = _command(group, "show", "show what is known of a key, never its secret", "keys:show_key")
    show.add_argument("ref", metavar="NAME[:VERSION]")
    _json(show)

    export = _command(group, "export", "print a public key: PEM, or base64 where it is raw", "keys:export_key")
    export.add_argument("ref", metavar="NAME[:VERSION]")
    export.add_argument("--public", action="store_true", help="yes, the public key; no other ever leaves the keyring")
    _json(export)

    rotate = _command(group, "rotate", "make the next version of a key, for new values", "keys:rotate_key")
    rotate.add_argument("name")
    _json(rotate)

    passphrase = _command(group, "passphrase", "change the passphrase of the keyring", "keys:change_passphrase")
    _json(passphrase)

    for name, help_text, handler in (
        ("usage", "say which values and jobs need a version of a key", "key_states:usage"),
        ("retire", "use a version that nothing needs no more for new values", "key_states:retire_key"),
        ("reactivate", "let a retired version be used for new values again", "keys:reactivate_key"),
        ("delete", "destroy the secret of a retired version that nothing needs", "key_states:delete_key"),
    ):
        step = _command(group, name, help_text, handler)
        step.add_argument("ref", metavar="NAME:VERSION")
        if name == "delete":
            step.add_argument("--yes", action="store_true", help="yes, destroy it: this cannot be undone")
        _json(step)


def _add_algorithms(commands: Any) -> None:
    parser = _command(
        commands, "algorithms", "list algorithms, and which a job can migrate to", "algorithms:algorithms"
    )
    parser.add_argument("--scope", choices=SCOPES, help="only those that a job of this scope can migrate to")
    _json(parser)


def _add_profile(commands: Any) -> None:
    group = _group(commands, "profile", "list, show and check the profiles of the settings file")
    _json(_command(group, "list", "list the profiles, and which one is in use", "profile:list_profiles"))
    show = _command(group, "show", "show every value and where it comes from, never a secret", "profile:show_profile")
    show.add_argument("name", nargs="?", metavar="NAME", help="a profile (by default the one in use)")
    _json(show)
    _json(_command(group, "validate", "check the settings file, all profiles of it", "profile:validate"))
    _command(group, "schema", "print the JSON Schema of the settings file", "profile:print_schema")


def _add_policies(commands: Any) -> None:
    group = _group(commands, "policies", "list and show policies")

    listing = _command(group, "list", "list policies and the algorithms they name", "policies:list_policies")
    _json(listing)

    show = _command(group, "show", "show what a policy asks for, and on whose word", "policies:show_policy")
    show.add_argument("name")
    _json(show)


def _add_inspect(commands: Any) -> None:
    help_text = "say what is stored: forms, algorithms, how much of it is safe"
    parser = _command(commands, "inspect", help_text, "inspect:inspect")
    parser.add_argument(
        "column", nargs="*", metavar="TABLE[.COLUMN]", help="what to look at; without it every likely column"
    )
    parser.add_argument(
        "--schema", action="append", metavar="NAME", help="look at this schema; more than once for more"
    )
    parser.add_argument("--exact", action="store_true", help="read every row instead of a sample")
    parser.add_argument("--sample", type=_positive, default=1000, metavar="N", help="rows a table to look at (1000)")
    parser.add_argument("--policy", metavar="NAME", help="the policy to hold values against (hybrid-first)")
    parser.add_argument("--selections", metavar="DIR", help="write a selection for each part that a job can migrate")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON")
    output.add_argument("--cbom", metavar="FILE", help="write a CycloneDX 1.6 CBOM; - is standard output")


def _add_doctor(commands: Any) -> None:
    parser = _command(commands, "doctor", "say what is installed, reachable and allowed", "doctor:doctor")
    _json(parser)


def _add_demo(commands: Any) -> None:
    help_text = "make a demonstration estate and open the console on it"
    parser = _command(commands, "demo", help_text, "demo:demo")
    parser.add_argument("--headless", action="store_true", help="run its jobs and prove the outcome, without a console")
    parser.add_argument("--rows", type=_positive, default=1000, metavar="N", help="rows a table (1000)")
    _json(parser)


def _number(text: str) -> int | float | None:
    """A number, which the job's limits judge, or ``none``."""
    if text == "none":
        return None
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor none") from None


def _word(text: str) -> str | None:
    return None if text == "none" else text


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _natural(text: str) -> int:
    return 0 if text == "0" else _positive(text)
