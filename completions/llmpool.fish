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
