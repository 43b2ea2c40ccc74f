"""Every command that Joule 1.0 has or its manual promises, and those that are new.

One line to a command: its words, its options (``--help`` aside) and what it prints. Aliases are
written ``name|alias``.
"""

from __future__ import annotations

from dataclasses import dataclass

OK = "OK"
TEXT = "text"
TABLE = "table"
TREE = "tree"
LINES = "lines"
NOTHING = "nothing"

IN_1_0 = """
node list                 --json                                                        > table
node add                                                                                > text
node delete                                                                             > text
node default                                                                            > text
node info                 --json                                                        > text

module list               -s/--statistics --json                                        > table
module info               --json                                                        > text
module logs               -f/--follow                                                   > lines

proxy list                --json                                                        > table
proxy info                --json                                                        > text

folder list               -l/--layout -s/--status -i/--id --json                        > tree
folder move                                                                             > OK
folder rename                                                                           > OK
folder delete|remove      -r/--recursive                                                > OK
folder copy               -s/--start -e/--end -n/--new -d/--destination-node            > text

stream info               -e/--elements --json                                          > table
stream move                                                                             > OK
stream rename                                                                           > OK
stream delete|destroy|remove                                                            > OK
stream annotations        -s/--start -e/--end -c/--csv --delete --json                  > table

event info                --json                                                        > text
event move                                                                              > OK
event rename                                                                            > OK
event copy                -s/--start -e/--end -a/--action -n/--new -d/--destination-node > OK

data read                 -s/--start -e/--end -l/--live -r/--max-rows -b/--show-bounds \
                          -m/--mark-intervals -i/--elements -f/--file                   > lines
data copy                 -s/--start -e/--end -n/--new -d/--destination-node --source-url > text
data delete|remove        -s/--start -e/--end --all                                     > OK
data intervals            -s/--start -e/--end                                           > lines
data consolidate          -s/--start -e/--end -m/--max-gap --redecimate                 > text
data merge                -p/--primary -s/--secondary -d/--destination --start --end    > text
data filter mean          -w/--window --start --end                                     > text
data filter median        -w/--window --start --end                                     > text
data ingest               -s/--stream                                                   > text

master list               --json                                                        > lines
master add                -k/--key -u/--remote-access-url -s/--scope                    > text
master delete                                                                           > text

follower list             --json                                                        > lines
follower delete                                                                         > text

archive inspect           -v                                                            > text
archive upload            -f/--flush -e/--quit-on-error -v/--verbose                    > text

admin initialize          --dsn --bind --port --name --generate-user-file --dry-run     > text
admin authorize           -c/--config -u/--url                                          > text
admin erase               -c/--config -l/--links --yes                                  > nothing
"""

PROMISED = """
stream list               -l/--layout -s/--status -i/--id --json                        > tree
event list                --json                                                        > table
event read                -s/--start -e/--end --json                                    > lines
event delete|remove       -s/--start -e/--end --all                                     > OK
admin backup              -c/--config --yes                                             > text
admin ingest              -c/--config -s/--stream -t/--datatype -m/--map -y/--yes         > text
"""

NEW = """
completion                                                                              > lines
doctor                    -c/--config -d/--data --json                                  > table
module run                -s/--start -e/--end --new --missing -f/--force               > text
module start                                                                            > text
module stop                                                                             > text
module restart                                                                          > text
admin check               -c/--config --forget                                          > text
admin restore             -c/--config                                                   > text
admin migrate             --from --to                                                   > text
admin reload              -c/--config                                                   > OK
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A command of the table."""

    words: tuple[str, ...]
    aliases: tuple[str, ...]
    options: tuple[tuple[str, ...], ...]
    prints: str


def _line(text: str) -> Line:
    command, _, prints = text.partition(">")
    words = [word for word in command.split() if not word.startswith("-")]
    *group, names = words
    name, *aliases = names.split("|")
    options = [word.split("/") for word in command.split() if word.startswith("-")]
    return Line((*group, name), tuple(aliases), tuple(map(tuple, options)), prints.strip())


TABLE_OF_COMMANDS = [_line(text) for text in (IN_1_0 + PROMISED + NEW).splitlines() if text.strip()]
