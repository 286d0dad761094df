"""`llmpool completion SHELL`: the script a shell sources."""

from typing import Annotated

import typer

from llmpool.cli.app import examples, single
from llmpool.cli.context import Terminal
from llmpool.errors import Exit, Misuse

app = single()
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")

# Both take what is printed as data and never evaluate it: ids come from providers.
BASH = r"""
_llmpool_completion() {
    # For bash a word ends at : and =, for llmpool a model is one word: join the pieces, and offer what
    # follows the last colon.
    local IFS=$'\n' rest=${COMP_LINE:0:COMP_POINT} words=() piece gap last cut=
    for piece in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        gap=${rest%%[![:space:]]*}
        rest=${rest#"$gap"}
        [[ $piece == "$rest"* ]] && piece=$rest
        rest=${rest#"$piece"}
        if [[ -n $gap || ${#words[@]} -eq 0 ]]; then
            words+=("$piece")
        else
            words[${#words[@]}-1]+=$piece
        fi
    done
    last=${words[${#words[@]}-1]#--*=}
    [[ $COMP_WORDBREAKS == *:* && $last != [\"\']* ]] && cut=${last%"${last##*:}"}
    COMPREPLY=()
    while read -r piece; do
        [[ -n $piece ]] && COMPREPLY+=("${piece#"$cut"}")
    done < <(COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) \
        _LLMPOOL_COMPLETE=complete_bash "$1" 2>/dev/null)
}

complete -o default -F _llmpool_completion llmpool
"""
ZSH = r"""
#compdef llmpool

_llmpool() {
  local line value
  local -a found
  for line in "${(@f)$(_TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _TYPER_COMPLETE_FISH_ACTION=get-args \
      _LLMPOOL_COMPLETE=complete_fish "${words[1]}" 2>/dev/null)}"; do
    value=${line%%$'\t'*}
    [[ -n $value ]] || continue
    found+=("${value//:/\\:}${${line#"$value"}/$'\t'/:}")
  done
  [[ $PREFIX == --*=* ]] && compset -P 1 '--*='
  if (( $#found )); then
    _describe llmpool found
  else
    _files
  fi
}

if [[ $funcstack[1] == _llmpool ]]; then  # found through fpath, and asked at once
  _llmpool "$@"
else
  compdef _llmpool llmpool
fi
"""


@app.command(
    short_help="Print the completion script of a shell.",
    epilog=examples(
        "llmpool completion bash > ~/.local/share/bash-completion/completions/llmpool",
        "llmpool completion fish > ~/.config/fish/completions/llmpool.fish",
        'eval "$(llmpool completion zsh)"',
        "llmpool completion pwsh | Out-String | Invoke-Expression",
    ),
)
def completion(
    ctx: typer.Context, shell: Annotated[str, typer.Argument(metavar="SHELL", help=", ".join(SHELLS))]
) -> int:
    """Print the completion script of a shell; nothing is installed or edited.

    Write it where the shell looks for such scripts, or have it evaluated at the start of each session.
    """
    if shell not in SHELLS:
        raise Misuse(f"{shell!r} is not a shell this knows", hint=f"one of: {', '.join(SHELLS)}")
    terminal: Terminal = ctx.obj
    terminal.out(script(shell).rstrip("\n"))
    return Exit.OK


def script(shell: str) -> str:
    """Return the completion script of *shell*: ours where the stock one falls short."""
    if shell in ("bash", "zsh"):
        return (BASH if shell == "bash" else ZSH).strip()
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    return str(get_completion_script(prog_name="llmpool", complete_var="_LLMPOOL_COMPLETE", shell=shell))
