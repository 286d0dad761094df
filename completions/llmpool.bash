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
