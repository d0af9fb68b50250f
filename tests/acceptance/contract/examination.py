"""The examination: put every question to both sides and lay the answers beside each other.

Teller after both chapters -> epilogue -> the demo filled with the same story -> questions to both -> Verdict

Run alone, with servers of its own: ``python -m tests.acceptance.contract``. ``make acceptance`` does it at its end, with the servers it has.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from fifty.connectors.base import Stream
from fifty.connectors.bluesky import CONNECTOR as BLUESKY
from fifty.connectors.wordpress import CONNECTOR as WORDPRESS
from fifty.shapes import find_new_fields, parse_shape
from tests.acceptance.contract.allowances import ALLOWANCES
from tests.acceptance.contract.answers import Answer, Question, Side, Unanswered
from tests.acceptance.contract.differences import ABSENT, Difference, Verdict, compare_answers, explain
from tests.acceptance.contract.epilogue import Narrator
from tests.acceptance.contract.questions import list_questions
from tests.acceptance.contract.retelling import Retelling
from tests.acceptance.contract.sides import build_real_side, serve_demo
from tests.acceptance.servers.bluesky import start_bluesky
from tests.acceptance.servers.processes import ServerFailed
from tests.acceptance.servers.wordpress import USUAL_LIMIT, start_wordpress
from tests.acceptance.story import STORY
from tests.acceptance.tell import Teller

ASKED_AT_ONCE = 4
STREAMS = {f"{connector.platform}.{stream.name}": stream for connector in (WORDPRESS, BLUESKY) for stream in connector.streams}


def examine(teller: Teller, folder: Path) -> int:
    """Tell the epilogue, ask both sides everything, print what is different; return the number of faults."""
    started = time.monotonic()
    teller.wordpress.limit_requests(*USUAL_LIMIT)
    epilogue = Narrator(teller).tell()
    Retelling(teller, epilogue).write(folder)
    told = time.monotonic()
    questions = list_questions(teller.ledger, epilogue)
    with serve_demo(folder) as demo:
        differences, answer_count = ask_both(questions, build_real_side(teller), demo)
    verdict = explain(differences, ALLOWANCES)
    print(f"  {len(questions)} questions, {answer_count} answers; {told - started:.1f} s to tell, {time.monotonic() - told:.1f} s to ask")
    print_verdict(verdict)
    return len(verdict.unexplained) + len(verdict.idle)


def ask_both(questions: Sequence[Question], real: Side, demo: Side) -> tuple[list[Difference], int]:
    """Ask each question of both sides; return all differences and the number of answers of the real side."""
    kept = threading.local()

    def ask(question: Question) -> tuple[list[Difference], int]:
        if not hasattr(kept, "sides"):
            kept.sides = real.connect_anew(), demo.connect_anew()
        try:
            answers = [list(side.ask(question)) for side in kept.sides]
        except Unanswered as failure:
            return [Difference(question, 1, "answer", "an answer", str(failure))], 0
        return [*compare_answers(question, *answers), *find_unshaped_fields(question, answers[0])], len(answers[0])

    # The limit on logging in is slow to reach and disturbs nobody: it goes along with the others.
    ordered = sorted(questions, key=lambda question: -question.times)
    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        results = list(pool.map(ask, ordered))
    return [difference for found, _ in results for difference in found], sum(count for _, count in results)


def find_unshaped_fields(question: Question, answers: Sequence[Answer]) -> list[Difference]:
    """The fields of the real server's items that the connector's shape does not name, for what a stream asks."""
    stream = STREAMS.get(question.name.split()[1]) if question.name.startswith("stream ") else None
    if stream is None:
        return []
    found, node = [], parse_shape(stream.shape)
    for page, answer in enumerate(answers, start=1):
        for item in list_items(stream, answer.body):
            found += [Difference(question, page, f"shape {field}", "a field", ABSENT) for field in find_new_fields(node, item)]
    return found


def list_items(stream: Stream, content: Any) -> Sequence[Any]:
    """The items of an answer, as the connector takes it apart."""
    if stream.unfold is not None:
        return stream.unfold(content, True).items
    inside = content if stream.items == "$" else content[stream.items]
    return inside if isinstance(inside, list) else [inside]


def print_verdict(verdict: Verdict) -> None:
    """Print the count, and everything that is not explained."""
    print(f"  {verdict.explained_count} differences explained by {len(ALLOWANCES)} allowances, {len(verdict.unexplained)} not")
    if description := verdict.describe():
        print(description)


def main() -> int:
    """Start servers, tell the story, examine; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance.contract", description="Compare the demo platforms with real servers.")
    parser.add_argument("--keep", type=Path, help="folder to work in and to leave; default: a new one, removed at the end")
    options = parser.parse_args()
    # Imported here: the whole run imports this module.
    from tests.acceptance.run import choose_day

    folder = options.keep.resolve() if options.keep else Path(tempfile.mkdtemp(prefix="fifty-contract-"))
    folder.mkdir(parents=True, exist_ok=True)
    # The databases run as users of their own and must reach their folders.
    folder.chmod(0o755)
    started = time.monotonic()
    try:
        with ExitStack() as stack:
            wordpress = stack.enter_context(start_wordpress(folder / "wordpress", title="Hafenkaffee"))
            bluesky = stack.enter_context(start_bluesky(folder / "bluesky"))
            teller = Teller(STORY, bluesky, wordpress, choose_day())
            print(f"Servers started after {time.monotonic() - started:.1f} s", flush=True)
            teller.introduce_characters()
            teller.tell(STORY.one)
            teller.tell(STORY.two)
            print(f"Story told after {time.monotonic() - started:.1f} s", flush=True)
            faults = examine(teller, folder / "demo")
    except ServerFailed as failure:
        print(f"\nthe contract could not be examined: {failure}", file=sys.stderr)
        return 2
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{'KEPT' if faults == 0 else f'{faults} FAULTS'} in {time.monotonic() - started:.0f} s")
    return 0 if faults == 0 else 1
