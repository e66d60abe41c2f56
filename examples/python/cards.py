"""Card numbers or tokens in, one a line; tokens, masks or card numbers out. Nothing of them is in an argument or a file.

Exits with 0 when each line has its outcome, 1 when some have not, 2 for its usage.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from strongroom import Failed, Vault, VaultError

CARDS = "customer-pan"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    tokenise = verbs.add_parser("tokenise", help="card numbers in, tokens out")
    tokenise.add_argument(
        "--key", help="an Idempotency-Key: run again with it, the command makes no second token"
    )
    verbs.add_parser("mask", help="tokens in, masks out")
    reveal = verbs.add_parser("reveal", help="tokens in, card numbers out; each is recorded")
    reveal.add_argument("--ticket", required=True, help="why: it stands in the audit log")
    erase = verbs.add_parser("erase", help="destroys the cards of tokens for good")
    erase.add_argument("--reason", required=True, help="why: it stands in the audit log for good")
    return parser.parse_args()


def outcomes(vault: Vault, asked: argparse.Namespace, lines: list[str]) -> list[str | Failed]:
    if asked.verb == "tokenise":
        return vault.tokenise(CARDS, lines, idempotency_key=asked.key)
    if asked.verb == "mask":
        return vault.mask(CARDS, lines, purpose="support")
    if asked.verb == "reveal":
        return vault.detokenise(CARDS, lines, purpose="settlement", ticket=asked.ticket)
    return [told(outcome) for outcome in vault.erase(CARDS, lines, reason=asked.reason)]


def told(outcome: Failed | None) -> str | Failed:
    return "erased" if outcome is None else outcome


def main() -> int:
    asked = arguments()
    lines = sys.stdin.read().splitlines()
    try:
        vault = Vault(
            os.environ.get("STRONGROOM_URL", "http://127.0.0.1:7420"),
            Path(os.environ.get("STRONGROOM_KEY_FILE", "desk.key")),
        )
        answered = outcomes(vault, asked, lines)
    except (VaultError, ValueError, OSError) as error:
        # All of them say what is wrong without what was asked.
        print(f"cards: {error}", file=sys.stderr)
        return 1
    for outcome in answered:
        print(f"! {outcome}" if isinstance(outcome, Failed) else outcome)
    return 1 if any(isinstance(outcome, Failed) for outcome in answered) else 0


if __name__ == "__main__":
    sys.exit(main())
