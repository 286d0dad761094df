"""Keywords of complexity in languages other than English, asked where no English one is found.

They say what the specified English words say (catalog-registry-router 6.2), in the imperative and infinitive
that people type. No word here is one of English, so that an English prompt is judged exactly as specified.
"""

from __future__ import annotations

LOOKED_AT = 2000  # characters from the start and from the end: where people say what they want

# What is asked for at the beginning, as in "search", "list", "find", "turn on".
_COMMANDS = frozenset(
    "suche finde zeige zeig prüfe schalte "  # German
    "cherche trouve affiche vérifie liste allume éteins ouvre ferme "  # French
    "busca encuentra muestra lista enciende apaga abre cierra "  # Spanish
    "cerca trova mostra elenca leggi accendi spegni apri chiudi "  # Italian
    "procure busque encontre desligue feche "  # Portuguese
    "zoek lees controleer "  # Dutch
    "znajdź pokaż przeczytaj sprawdź włącz wyłącz "  # Polish
    "найди покажи прочитай проверь включи выключи открой закрой "  # Russian
    "знайди увімкни вимкни "  # Ukrainian
    "bul göster listele oku kapat "  # Turkish
    "sök hitta tänd släck najdi ukaž přečti "  # Swedish, Czech
    "cari temukan tampilkan nyalakan matikan "  # Indonesian
    "ابحث اعرض اقرأ افتح أغلق शुरू खोजो दिखाओ חפש הצג הדלק כבה".split()  # Arabic, Hindi, Hebrew
)
# What asks for thought, wherever it stands, as in "explain", "why", "analyze", "compare", "recommend".
_REASONING = frozenset(
    "warum wieso weshalb erkläre erklär erklären analysiere analysieren vergleiche vergleichen beweise "
    "begründe empfiehl pourquoi expliquer expliquez analysez analyser comparez comparer démontre recommande "
    "explica explícame expliques analiza analizar compara comparar demuestra razona recomienda "
    "perché spiega spiegami analizza confronta dimostra explique analise demonstre recomende "
    "waarom vergelijk analyseer bewijs dlaczego wyjaśnij porównaj przeanalizuj udowodnij "
    "почему зачем объясни объясните сравни сравните проанализируй докажи посоветуй чому поясни порівняй "
    "neden niçin açıkla karşılaştır kanıtla öner varför förklara jämför hvorfor forklar sammenlign "
    "proč vysvětli porovnej mengapa kenapa jelaskan bandingkan "
    "لماذا اشرح قارن حلل क्यों समझाओ समझाइए तुलना מדוע למה הסבר השווה".split()
)
# Likewise in writing that has no blanks between words, and what takes more than one word.
_PHRASES = (
    *("为什么", "为何", "为啥", "解释", "比较", "分析", "证明", "推荐"),
    *("為什麼", "為何", "解釋", "比較", "證明", "推薦"),
    *("なぜ", "どうして", "説明", "証明", "おすすめ", "왜 ", "설명", "비교", "분석", "증명", "추천"),
    *("por qué", "por que", "por quê", "leg uit", "tại sao", "giải thích", "so sánh", "ทำไม", "อธิบาย"),
)
_SWITCHES = (
    *("打开", "关闭", "搜索", "查找", "列出", "開啟", "關閉"),
    *("検索", "つけて", "消して", "探して", "검색", "켜줘", "꺼줘"),
)
_MARKS = dict.fromkeys(map(ord, ".,;:!?()[]{}\"'`*_/<>|~¿¡、。！？：；（）「」…’‘‚„“”«»‹›"), " ")


def complexity(text: str) -> tuple[str, str]:
    """Judge a query in lower case: `simple`, `complex` or nothing, and the word that decided."""
    if len(text) > 2 * LOOKED_AT:
        text = f"{text[:LOOKED_AT]} {text[-LOOKED_AT:]}"
    words = text.translate(_MARKS).split()
    if words and words[0] in _COMMANDS:
        return "simple", words[0]
    for word in words:
        if word in _REASONING:
            return "complex", word
    for found, level in ((_PHRASES, "complex"), (_SWITCHES, "simple")):
        for phrase in found:
            if phrase in text:
                return level, phrase.strip()
    return "", ""
