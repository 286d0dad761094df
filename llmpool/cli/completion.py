"""`llmpool completion SHELL`: the script a shell sources."""

from typing import Annotated

from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, examples, single
from llmpool.cli.requests import one_of
from llmpool.errors import Exit

app = single()
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")

# Each runs the program once a TAB, hands it the words up to the cursor, and takes what is printed as data
# that nothing evaluates: ids come from providers. A line is a word, a tab and what it is; one that begins
# with a tab tells that a file or folder may stand there, which the shell completes better.
BASH = r"""
_llmpool_completion() {
    # For bash a word ends at : and =, for llmpool a model is one word: join the pieces, and offer what
    # follows the last colon.
    local IFS=$'\x1f' rest=${COMP_LINE:0:COMP_POINT} words=() piece gap last cut= paths= program=$1
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
    [[ $program == '~/'* ]] && program=$HOME/${program#'~/'}
    COMPREPLY=()
    while IFS= read -r piece; do
        case $piece in
            $'\tfiles') paths=default ;;
            $'\tfolders') paths=dirnames ;;
            ?*) COMPREPLY+=("${piece#"$cut"}") ;;
        esac
    done < <(COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) \
        _LLMPOOL_COMPLETE=bash "$program" 2>/dev/null)
    compopt -o nosort 2>/dev/null
    [[ $paths == default ]] || compopt +o default 2>/dev/null
    [[ $paths == dirnames ]] && compopt -o dirnames 2>/dev/null
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[./=] ]] && compopt -o nospace 2>/dev/null
    return 0
}

complete -o default -F _llmpool_completion llmpool
"""
ZSH = r"""
#compdef llmpool

_llmpool() {
  local line value paths program=${(Q)words[1]}
  local -a typed closed open
  [[ $program == '~'* ]] && program=${~program}
  typed=("${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}")
  for line in "${(@f)$(COMP_WORDS="${(pj:\x1f:)typed}" COMP_CWORD=$(($#typed - 1)) \
      _LLMPOOL_COMPLETE=zsh "$program" 2>/dev/null)}"; do
    value=${line%%$'\t'*}
    case $line in
      ($'\tfiles') paths=files ;;
      ($'\tfolders') paths=folders ;;
      ('') ;;
      (*)
        line=${value//:/\\:}${${${line#"$value"}//\\/\\\\}/$'\t'/:}
        if [[ $value == *[./=] ]]; then open+=("$line"); else closed+=("$line"); fi ;;
    esac
  done
  [[ $PREFIX == --*=* ]] && compset -P 1 '--*='
  case $paths in
    (files) _files ;;
    (folders) _files -/ ;;
    (*)
      (( $#closed )) && _describe -V llmpool closed
      (( $#open )) && _describe -V llmpool open -S '' ;;
  esac
}

if [[ $funcstack[1] == _llmpool ]]; then  # found through fpath, and asked at once
  _llmpool "$@"
else
  compdef _llmpool llmpool
fi
"""
FISH = r"""
function __llmpool_complete
    set -l typed (commandline -opc)
    set -l last (commandline -ct | string replace -r '^["\']' '')
    set -l option (string match -r '^--[^=]+=' -- $last)
    set -l value (string replace -r '^--[^=]+=' '' -- "$last")
    set -l program (string replace -r '^~(?=/)' -- $HOME $typed[1])
    for line in (env COMP_WORDS=(string join -- \x1f $typed "$last") COMP_CWORD=(count $typed) \
            _LLMPOOL_COMPLETE=fish $program 2>/dev/null)
        switch $line
            case \tfiles
                for path in (__fish_complete_path "$value")
                    printf '%s\n' "$option$path"
                end
            case \tfolders
                for path in (__fish_complete_directories "$value" '')
                    printf '%s\n' "$option$path"
                end
            case '?*'
                printf '%s\n' "$option$line"
        end
    end
end

complete -c llmpool -k -f -a '(__llmpool_complete)'
"""
POWERSHELL = r"""
Register-ArgumentCompleter -Native -CommandName llmpool -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $typed = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object { if ($null -ne $_.Value) { "$($_.Value)" } else { $_.Extent.Text } })
    $last = $wordToComplete.Trim([char[]]@(34, 39))
    $option = if ($last -match '^--[^=]+=') { $Matches[0] } else { '' }
    $names = 'COMP_WORDS', 'COMP_CWORD', '_LLMPOOL_COMPLETE'
    try {
        $env:COMP_WORDS = ($typed + $last) -join [char]31
        $env:COMP_CWORD = "$($typed.Count)"
        $env:_LLMPOOL_COMPLETE = 'powershell'
        $lines = @(& $typed[0] 2>$null)
    } finally {
        $names | ForEach-Object { Remove-Item -ErrorAction SilentlyContinue "Env:$_" }
    }
    foreach ($line in $lines) {
        $value, $about = "$line" -split "`t", 2
        if (-not $value) { continue }  # a path: PowerShell completes those by itself
        $text = $option + $value
        if ($text -notmatch '^[\w./:=+-]+$') { $text = "'" + $text.Replace("'", "''") + "'" }
        if (-not $about) { $about = $value }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $about)
    }
}
"""
_SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH, "powershell": POWERSHELL, "pwsh": POWERSHELL}


@app.command(
    short_help="Print the completion script of a shell.",
    epilog=examples(
        "llmpool completion bash > ~/.local/share/bash-completion/completions/llmpool",
        "llmpool completion fish > ~/.config/fish/completions/llmpool.fish",
        'eval "$(llmpool completion zsh)"',
        "llmpool completion pwsh | Out-String | Invoke-Expression",
    ),
)
def completion(ctx: Context, shell: Annotated[str, Argument(metavar="SHELL", help=", ".join(SHELLS))]) -> int:
    """Print the completion script of a shell; nothing is installed or edited.

    Write it where the shell looks for such scripts, or have it evaluated at the start of each session.
    """
    terminal: Terminal = ctx.obj
    terminal.out(script(one_of(shell, SHELLS, "SHELL")).rstrip("\n"))
    return Exit.OK


def script(shell: str) -> str:
    """Return the completion script of *shell*."""
    return _SCRIPTS[shell].strip()
