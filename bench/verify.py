# SPDX-License-Identifier: Apache-2.0
"""Verification: a million equal rows, then one wrong among them; against pt-table-checksum, which
does the source's half of the work, and against bare aggregates on both sides at once. CPU time, of
the servers and of what is run, tells more than the clock where other work shares the machine."""
import resource
import statistics

import kit
from full import TABLES, expect_rows

AGGREGATE = ("SELECT COUNT(*), SUM(CRC32(CONCAT_WS('#',id,k,c,pad))) FROM sbtest.sbtest{i} "
             "WHERE id > {after} AND id <= {through}")


def cpu_seconds(names):
    """Of these servers, and of all programs that were run and have ended."""
    total = sum(map(kit.server_cpu_seconds, names))
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return total + children.ru_utime + children.ru_stime


def with_cpu(ways, spent):
    """The ways, each noting in spent[name] the CPU seconds that it and both servers used."""
    def measured(name, way):
        def run():
            before = cpu_seconds(("mysql-9.7", "oceanbase"))
            seconds = way()
            spent.setdefault(name, []).append(cpu_seconds(("mysql-9.7", "oceanbase")) - before)
            return seconds
        return run
    return {name: measured(name, way) for name, way in ways.items()}


def cpu_table(spent, base):
    reference = statistics.median(spent[base])
    lines = ["CPU time of both servers and the program:", "",
             f"| way | median CPU s | min–max | against {base} |", "|---|---|---|---|"]
    for name, seconds in spent.items():
        median = statistics.median(seconds)
        lines.append(f"| {name} | {median:.2f} | {min(seconds):.2f}–{max(seconds):.2f} | "
                     f"{median / reference:.2f}× |")
    return "\n".join([*lines, ""])


def bench(runs, rows):
    source = kit.fresh("mysql-9.7")
    kit.prepare_tables(source, TABLES, rows)
    destination = kit.fresh("oceanbase")
    with kit.Project(source, destination, "schema,full") as project:
        all_bytes = 2 * project.run().stage_field("full", "bytes")
    expect_rows(destination, rows)

    def verify(expected, *more):
        with kit.Project(source, destination, "verification", *more) as project:
            run = project.run(allow=(0, 4))
        if run.summary.get("inconsistent") != expected:
            raise SystemExit(f"verification said {run.summary} instead of {expected}")
        return run

    def equal(*more):
        return verify(0, *more).seconds

    read = []

    def one_wrong():
        target = f"sbtest.sbtest3 SET pad=%s WHERE id={rows // 2}"
        before = kit.query(destination, f"SELECT pad FROM sbtest.sbtest3 WHERE id={rows // 2}")[0][0]
        kit.query(destination, "UPDATE " + target % "'wrong'")
        run = verify(1)
        kit.query(destination, "UPDATE " + target % f"'{before}'")
        read.append(run.stage_field("verification", "bytes"))
        return run.seconds

    def checksum():
        return kit.timed(lambda: kit.together([[
            "pt-table-checksum", f"h=127.0.0.1,P={kit.port(source)},u=root", "--databases",
            "sbtest", "--no-check-binlog-format", "--no-check-replication-filters",
            "--recursion-method=none", "--no-check-slave-tables", "--quiet"]]))

    def bare():
        step = max(rows // 5, 1)
        statements = "".join(
            f"{AGGREGATE.format(i=i, after=after, through=after + step)};"
            for i in range(1, TABLES + 1) for after in range(0, rows, step))
        halves = statements.split(";")[:-1]
        commands = []
        for url in (source, destination):
            for part in range(2):
                commands.append(kit.client(url, "-e", ";".join(halves[part::2])))
        return kit.timed(lambda: kit.together(commands))

    limit = "limit: bare CRC32 aggregates, both at once"
    spent = {}
    ways = with_cpu({
        "godwit verify, all equal": equal,
        "godwit verify --certain, all equal": lambda: equal("--certain"),
        "godwit verify, one wrong row": one_wrong,
        "pt-table-checksum, the source alone": checksum,
        limit: bare,
    }, spent)
    results = kit.alternate(kit.restarted(ways, "mysql-9.7", "oceanbase"), runs)
    if max(read) * 100 >= all_bytes:
        raise SystemExit(f"{max(read):,} bytes were read to find one wrong row, of {all_bytes:,}")
    share = (f"To find the one wrong row {max(read):,} bytes of rows were read, "
             f"{100 * max(read) / all_bytes:.3f} % of what both sides hold.\n")
    return "\n".join([kit.table(f"Verification, {TABLES} × {rows:,} rows, MySQL 9 against OceanBase",
                                results, "godwit verify, all equal", TABLES * rows, "rows"),
                      share, cpu_table(spent, limit)])
