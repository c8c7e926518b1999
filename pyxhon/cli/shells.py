"""The scripts that bash, zsh and fish complete with, and what passes between them and PyXhon.

A script hands over the line up to the cursor, and gets a line for each thing to offer: its kind, value and explanation,
with tabs between. click's own scripts cut what has a comma or a colon, do not know values after
`=`, and in zsh do nothing at the second key.
"""

import os
from pathlib import Path
from typing import ClassVar, Final

import click
from click.shell_completion import CompletionItem, ShellComplete, add_completion_class, split_arg_string

_BASH: Final = """\
%(complete_func)s() {
    local kind value line typed is_file=
    COMPREPLY=()
    while IFS= read -r line; do
        kind=${line%%%%$'\\t'*} value=${line#*$'\\t'} value=${value%%%%$'\\t'*}
        case $kind in
        plain) COMPREPLY+=("$value") ;;
        file | dir) is_file=yes typed=$value ;;
        esac
    done < <(COMP_WORDS=${COMP_LINE:0:COMP_POINT} COMP_BREAKS=$COMP_WORDBREAKS \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
    [ -n "$is_file" ] || return 0
    if [ "${#COMPREPLY[@]}" = 0 ]; then
        compopt -o default
        return 0
    fi
    # Among others bash would not mark the names of folders, nor quote any.
    while IFS= read -r line; do
        value=$(printf %%q "$line")
        [ -d "$line" ] && value+=/
        COMPREPLY+=("$value")
    done < <(compgen -f -- "$typed")
    [ "${#COMPREPLY[@]}" = 1 ] && [[ $COMPREPLY == */ ]] && compopt -o nospace
    return 0
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""
_ZSH: Final = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local line is_file=
    local -a part plain explained
    for line in ${(f)"$(COMP_WORDS="${words[1,CURRENT]}" %(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null)"}; do
        part=("${(@ps:\\t:)line}")
        case $part[1] in
        plain)
            if [[ -n $part[3] ]]; then
                explained+=("${part[2]//:/\\\\:}:$part[3]")
            else
                plain+=("$part[2]")
            fi ;;
        file | dir) is_file=yes ;;
        esac
    done
    [[ $words[CURRENT] == --*=* ]] && compset -P '[^=]#='
    (( $#explained )) && _describe -V %(prog_name)s explained
    (( $#plain )) && compadd -V %(prog_name)s -a plain
    [[ -n $is_file ]] && _files
}

# As an autoloaded function this runs at the first key and at the second; otherwise it is read once.
if [[ $funcstack[1] == _%(prog_name)s ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""
_FISH: Final = """\
function %(complete_func)s
    set -l line (commandline -cp)
    set -l option (string match -r -- '^--[^=]+=' (commandline -ct))
    for each in (env %(complete_var)s=fish_complete COMP_WORDS="$line" %(prog_name)s 2>/dev/null)
        set -l part (string split \\t -- $each)
        switch $part[1]
            case plain
                printf '%%s\\t%%s\\n' "$option$part[2]" $part[3]
            case file dir
                for path in (__fish_complete_path $part[2])
                    printf '%%s\\n' "$option$path"
                end
        end
    end
end

complete --no-files --keep-order --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class _Completion(ShellComplete):
    """What all shells have in common."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Give the words before the one at the cursor, and how far that one goes."""
        line = os.environ.get("COMP_WORDS", "")
        words = split_arg_string(line)
        begun = words.pop() if words and len(split_arg_string(f"{line}x")) == len(words) else ""
        # What runs it, as sudo or a variable, may be before it.
        at = next((number for number, word in enumerate(words) if Path(word).name == self.prog_name), 0)
        return words[at + 1 :], begun

    def format_completion(self, item: CompletionItem) -> str:
        """Write what is offered on one line."""
        return f"{item.type}\t{item.value}\t{' '.join((item.help or '').split())}"


class BashCompletion(_Completion):
    """bash replaces only what follows the last `=` or `:` of a word."""

    name: ClassVar[str] = "bash"
    source_template: ClassVar[str] = _BASH

    def format_completion(self, item: CompletionItem) -> str:
        """Leave out what stays on the line."""
        _, begun = self.get_completion_args()
        option, equals, value = begun.partition("=")
        is_option = begun.startswith("--") and bool(equals)
        offered = f"{option}={item.value}" if is_option and item.type == "plain" else str(item.value)
        typed = begun if is_option and item.type == "plain" else value if is_option else begun
        breaks = [mark for mark in ":=" if mark in os.environ.get("COMP_BREAKS", ":=")]
        kept = max((typed.rfind(mark) + 1 for mark in breaks), default=0)
        stays = offered[:kept] == typed[:kept]
        return super().format_completion(CompletionItem(offered[kept:] if stays else offered, item.type, item.help))


class ZshCompletion(_Completion):
    """zsh completes whole words."""

    name: ClassVar[str] = "zsh"
    source_template: ClassVar[str] = _ZSH


class FishCompletion(_Completion):
    """fish completes whole words, and shows what follows a tab as an explanation."""

    name: ClassVar[str] = "fish"
    source_template: ClassVar[str] = _FISH


SHELLS: Final = (BashCompletion, ZshCompletion, FishCompletion)


def register_shells() -> None:
    """Have click answer these shells our way."""
    for shell in SHELLS:
        add_completion_class(shell)


def write_script(name: str, command: click.Command) -> str:
    """Give the script of a shell."""
    shell = next(each for each in SHELLS if each.name == name)
    return shell(command, {}, "pyxhon", "_PYXHON_COMPLETE").source().strip("\n")
