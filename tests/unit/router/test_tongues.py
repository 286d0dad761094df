"""Complexity of prompts that are not English: the bands must not collapse to moderate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.router.analyze import COMPLEX, MODERATE, SIMPLE, complexity

HARD = {
    "de": "Warum ist der Himmel blau?",
    "fr": "Expliquez la photosynthèse.",
    "es": "¿Por qué es azul el cielo?",
    "it": "Spiega come funziona un motore.",
    "pt": "Explique a inflação.",
    "nl": "Leg uit hoe een motor werkt",
    "pl": "Wyjaśnij, jak działa silnik",
    "ru": "Сравни эти два подхода",
    "uk": "Поясни теорему",
    "tr": "Gökyüzü neden mavi?",
    "sv": "Jämför de två förslagen",
    "cs": "Proč je nebe modré?",
    "zh": "请解释量子力学",
    "zh-TW": "為什麼天空是藍色的",
    "ja": "なぜ空は青いのですか",
    "ko": "두 방법을 비교해 주세요",
    "ar": "لماذا السماء زرقاء؟",
    "hi": "आसमान नीला क्यों है?",
    "he": "מדוע השמיים כחולים?",
    "vi": "Giải thích thuyết tương đối",
    "id": "Jelaskan cara kerja mesin",
    "th": "ทำไมท้องฟ้าเป็นสีฟ้า",
}
EASY = {
    "de": "Suche die Datei vom Montag",
    "fr": "Allume la lumière du salon",
    "es": "Enciende la luz",
    "it": "Accendi la luce",
    "pt": "Encontre o arquivo",
    "pl": "Włącz światło",
    "ru": "Найди файл",
    "tr": "Göster dosyaları",
    "zh": "打开客厅的灯",
    "ja": "電気をつけて",
    "ko": "불 켜줘",
    "ar": "ابحث عن الملف",
    "he": "חפש את הקובץ",
}
MIDDLING = {
    "de": "Der Himmel heute",
    "fr": "Une recette de soupe",
    "zh": "今天天气",
    "ja": "今日の天気",
    "ru": "Рецепт супа",
}


@pytest.mark.parametrize("tongue", HARD)
def test_what_asks_for_thought_is_complex(tongue: str) -> None:
    """As `why`, `explain` and `compare` are in English."""
    assert complexity(HARD[tongue])[0] == COMPLEX


@pytest.mark.parametrize("tongue", EASY)
def test_what_orders_is_simple(tongue: str) -> None:
    """As `find` and `turn on` are in English."""
    assert complexity(EASY[tongue])[0] == SIMPLE


@pytest.mark.parametrize("tongue", MIDDLING)
def test_what_does_neither_is_moderate(tongue: str) -> None:
    """No word decides, and none is named."""
    assert complexity(MIDDLING[tongue]) == (MODERATE, "")


@pytest.mark.parametrize(
    "query",
    [
        "Write a poem about the sea",
        "Such is life",
        "Lee Harvey Oswald biography",
        "visa requirements for Japan",
        "Princess Leia quotes",
        "a hole in one",
        "The ferment of beer",
        "Summarise this page",
        "Ligue 1 results",
    ],
)
def test_english_is_judged_as_specified(query: str) -> None:
    """A prompt without one of the specified words stays moderate, whatever it resembles elsewhere."""
    assert complexity(query) == (MODERATE, "")


def test_english_words_go_first() -> None:
    """Where a specified word is found nothing else is asked."""
    assert complexity("Explain: warum?") == (COMPLEX, "explain")
    assert complexity("warum not, turn on the light") == (SIMPLE, "turn on")


def test_the_word_that_decided_is_named_and_marks_are_no_part_of_it() -> None:
    """Punctuation of any script does not hide a word, and another word that contains it is another word."""
    assert complexity("¡Explica!") == (COMPLEX, "explica")
    assert complexity("„Warum?“") == (COMPLEX, "warum")
    assert complexity("Neuwarumheim") == (MODERATE, "")


def test_long_texts_are_judged_by_their_ends() -> None:
    """People say what they want first or last; a megabyte between them costs nothing."""
    assert complexity("x " * 500_000 + "Warum?") == (COMPLEX, "warum")
    assert complexity("Warum? " + "x " * 500_000) == (COMPLEX, "warum")
    assert complexity("x " * 250_000 + "warum" + " x" * 250_000) == (MODERATE, "")


@given(st.text(max_size=200))
def test_any_text_is_judged(query: str) -> None:
    """Whatever is typed has a complexity."""
    level, word = complexity(query)
    assert level in (SIMPLE, MODERATE, COMPLEX)
    assert not word or word in query.lower()
