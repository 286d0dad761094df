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
