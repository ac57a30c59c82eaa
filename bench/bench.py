# SPDX-License-Identifier: Apache-2.0
"""Benches side by side with what a user would pick: ./dev bench NAME [--runs N] [--rows N].

Prints a markdown table on standard output; what it is doing goes to standard error. Runs of the
ways alternate, each on servers with empty data where it writes; ratios are of medians.
"""
import argparse
import sys

import capture
import full
import kit
import memory
import replay
import verify

BENCHES = {"full": full, "capture": capture, "replay": replay, "verify": verify, "memory": memory}


def main():
    parser = argparse.ArgumentParser(prog="dev bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=[*BENCHES, "all"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=250_000, help="per table")
    arguments = parser.parse_args()
    kit.install_peers()
    try:
        for name in BENCHES if arguments.name == "all" else [arguments.name]:
            print(BENCHES[name].bench(arguments.runs, arguments.rows), flush=True)
    finally:
        kit.testbed("down")


if __name__ == "__main__":
    sys.exit(main())
