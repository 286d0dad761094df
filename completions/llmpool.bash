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
