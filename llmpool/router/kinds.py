"""The kinds of task that `tasks` looks for, with words of ten languages and more: a table set by hand.

The data the other weights are learned from holds exam questions only; nobody is greeted there, nothing is
translated. So these points are nobody's measurement but a judgement: weak models do well what is above the
line in `TASKS`, and fail at what is below it. A word ending in * stands for all that begin so.
"""

from __future__ import annotations

from typing import NamedTuple


class Task(NamedTuple):
    """A kind of task: how it is shown, what it moves, its words, and what is looked for as it stands."""

    name: str
    points: float
    words: str
    phrases: str = ""  # between bars
    script: str = ""  # likewise, in writing without spaces, or whose words change in front
    most: int = 0  # words: in a longer prompt it says nothing, unless nought
    least: int = 0  # words: in a shorter one it says nothing


GREETING = "greets or thanks"
COMMAND = "gives a short command"
EXPLANATION = "asks for an explanation"
TASKS = (
    Task(
        GREETING,
        -1.5,
        "hi hello hey thanks thank bye goodbye hallo danke tschüss moin bonjour salut merci hola gracias "
        "adiós buenas ciao grazie olá obrigado obrigada привет здравствуйте спасибо пока مرحبا شكرا "
        "cheers lol",
        "good morning|good night|how are you|wie geht|guten|comment ça va|what's up|como estás",
        "你好|谢谢|早上好|こんにちは|ありがとう|おはよう|안녕|감사|السلام|नमस्ते|धन्यवाद",
        most=8,
    ),
    Task(
        "asks for a translation",
        -0.9,
        "translat* übersetz* traduc* tradui* tradu* перевед* перевод* переклад* ترجم* vertaal*",
        "how do you say|wie sagt man|comment dit-on|cómo se dice|in english?|como se diz",
        "翻译|翻譯|翻訳|訳して|번역|ترجم|अनुवाद",
    ),
    Task(
        "asks for a summary",
        -0.7,
        "summari* tldr zusammenfass* zusammenfas* résum* resum* resúm* кратко суммир* резюмир* перескаж* "
        "لخص*",
        "fasse|tl;dr|key points|main points|in a nutshell|in one sentence",
        "总结|概括|摘要|要約|まとめて|요약|لخص|सारांश",
    ),
    Task(
        "asks for rewording",
        -0.7,
        "rewrit* reword* rephras* paraphras* proofread* spelling typos grammar shorten* polite politely "
        "korrigiere umformulier* formulier* rechtschreib* reformul* corrig* reescrib* перефраз* "
        "friendlier",
        "sound more|sound less|sound better|fix the grammar|more formal|höflicher|plus poli|reescr",
        "改写|润色|语法|言い換え|添削|書き換え|敬語に|고쳐|صحح|أعد صياغة",
    ),
    Task(
        "asks to pick something out",
        -0.7,
        "extract* extrah* extrai* extrae* извлек* استخرج* entnimm",
        "list all|find all the|pull out|all the names|all names|all email|all dates|liste alle",
        "提取|抽出|列出|抜き出|추출|استخرج",
    ),
    Task(
        "asks to sort into classes",
        -0.7,
        "classif* categori* sentiment label klassifizier* clasific* классифиц* spam",
        "positive or negative|positiv oder negativ|positif ou négatif|positivo o negativo|yes or no",
        "分类|分類|情感|感情分析|분류|صنف",
    ),
    Task(
        "asks for another form or name",
        -0.6,
        "rename renaming convert* uppercase lowercase alphabetical* reformat* konvertier* umwandl* convierte "
        "convertir конверт* حول",
        "add a comment|replace every|replace all|as json|to json|into json|as csv|to csv|"
        "bullet points|bullet list|as a table|to celsius",
        "转换成|转成|変換|변환|表にして",
    ),
    Task(
        "asks for a plain fact",
        -0.6,
        "capital hauptstadt capitale столица столицу عاصمة synonym* population meaning define bedeutet "
        "significa weather wetter météo clima погода hava",
        "who wrote|who is|when was|what year|how many days|what does|what time|where is|how old|"
        "opposite of|what is the capital|wie heißt|wer ist|wann wurde|quién|qui a écrit|quelle heure|"
        "кто написал|сколько|what day|temps fait|wie spät|qué hora|который час",
        "首都|是谁|什么意思|誰|何時|どこ|意味|수도|누구|ما معنى|متى|天气|天気|几点|날씨|何曜日",
        most=14,
    ),
    Task(
        COMMAND,
        -0.9,
        "remind reminder timer alarm erinner* wecker rappelle напомни",
        "turn on|turn off|set a timer|schalte|allume|enciende|play some|включи|выключи",
        "打开|关闭|提醒我|つけて|消して|켜줘",
    ),
    Task(
        "asks for light writing",
        -0.5,
        "joke haiku birthday caption slogan tweet witz geburtstag* blague anniversaire chiste cumpleaños "
        "шутк* анекдот поздрав* نكتة recipe rezept recette receta рецепт headline poem poema poème "
        "gedicht* стих* стихотворение şiir قصيدة email mail e-mail brief lettre carta письмо lettera "
        "limerick",
        "a name for|names for|subject line|thank-you|happy birthday|write an email|write a letter|"
        "thank you note",
        "笑话|生日|冗談|誕生日|농담|생일|俳句|レシピ|菜谱|写一封|写封|邮件|诗|詩|メール|手紙|시를|편지|이메일",
    ),
    # --------------------------------------------------------------------------------------------------
    Task(
        "asks for a proof",
        1.4,
        "prove proof proofs disprove beweis* démontr* prouv* demuestr* demostr* demostración provare "
        "dimostr* докаж* доказ* أثبت برهن* lemma theorem*",
        "show that|zeige, dass|montrer que|montrez que|by induction|if and only if|if it is true that",
        "证明|證明|証明|증명|أثبت|برهن|सिद्ध",
    ),
    Task(
        "asks for a derivation",
        1.0,
        "deriv* integral* integrat* eigenvalue* leite ableit* herleit* dériv* deduz* вывед* выведи* "
        "интеграл* اشتق* posterior asymptot* gradient* equation* gleichung* équation* ecuaci* уравнен* "
        "معادلة polynomial* probabilit* wahrscheinlich* вероятност*",
        "closed form|closed-form|lower bound|upper bound|solve for|differential|expected value",
        "推导|積分|积分|方程|导出|導出|概率|確率|확률|방정식|احتمال",
    ),
    Task(
        "asks for a design",
        1.0,
        "design* architect* architekt* entwirf entwerf* concevoir conçois diseñ* progett* спроектир* "
        "проектир* архитектур* صمم* scalab* distributed verteilt* fault-tolerant schema",
        "trade-off|tradeoff|exactly-once|system design|high availability|from scratch",
        "设计|架构|設計|アーキテクチャ|설계|صمم",
    ),
    Task(
        "asks to find a fault",
        1.0,
        "debug* deadlock* segfault* traceback leak leaks memory-leak concurrency nondeterministic "
        "fehlersuche débog* depur* отлад* vulnerab* regression intermittent* intermittently flaky "
        "sporadi* exploit* crash crashes stürzt absturz plante падает вылетает* сломал* исправь* beheben "
        "behebe bug bugs fehler*",
        "race condition|memory leak|why does this|root cause|doesn't work|does not work|fails only|"
        "stack trace|undefined behavior|undefined behaviour|warum stürzt|se bloquea|ne marche pas|"
        "no funciona|не работает|funktioniert nicht",
        "调试|死锁|竞态|デバッグ|デッドロック|競合状態|原因を|디버|교착|崩溃|报错|クラッシュ|エラー|バグ|오류|버그|خطأ",
    ),
    Task(
        "asks to rework or optimise",
        0.8,
        "refactor* optimi* optimier* optimal* оптимиз* рефактор* parallel* vectori* migrat* minimi* "
        "maximi* heuristic* np-hard np-complete np-vollständig schneller beschleunig* быстрее ускорь* "
        "accélér* aceler*",
        "time complexity|o(n|lock-free|in constant space|state space|more efficient|worst case|worst-case|"
        "plus rapide|más rápido|make it faster|speed up",
        "优化|重构|最適化|リファクタ|복잡도|최적화|复杂度|計算量|高速化|加速|更快|빠르게",
    ),
    Task(
        "asks for code that does much",
        0.6,
        "implement* compiler* parser* algorithm* implementier* algorithmus implément* algorithme реализу* "
        "алгоритм* implementa* algoritmo* خوارزمية interpreter scheduler",
        "write a program|data structure|unit tests for|state machine|multi-threaded|thread-safe",
        "实现|算法|実装|アルゴリズム|구현|알고리즘",
    ),
    Task(
        "asks for analysis",
        0.7,
        "analy* critique* critically evaluat* assess* implicat* counterargument* rigorous* rigor "
        "kritisch* beurteil* évalu* анализ* проанализ* حلل* evalúa* fallac* flaw* flaws reconcile* "
        "paradox* counterexample* gegenbeispiel* contre-exemple контрпример*",
        "under what conditions|second-order|strengths and weaknesses|what would happen|"
        "argue for and against|bewerte|step by step|schritt für schritt|étape par étape|paso a paso|"
        "шаг за шагом",
        "分析|评估|評価|考察|批判|분석|حلل|反例|悖论|一步一步",
    ),
    Task(
        "asks for a plan or a choice",
        0.5,
        "strateg* negotiat* roadmap* compar* vergleich* стратег* сравни* قارن* diagnos* forecast* "
        "tradeoffs differential prioritis* prioritiz* feasib* estrateg* liability liable haftung haftet "
        "responsabilité jurisdiction*",
        "pros and cons|cost-benefit|vor- und nachteile|migration plan|most likely diagnosis",
        "比较|策略|戦略|比較|전략|비교|诊断|قارن",
    ),
    Task(
        "sets a puzzle",
        0.8,
        "riddle* puzzle* knights knaves sudoku rätsel* énigme* acertij* загадк* головоломк* لغز logician*",
        "always lie|tells the truth|how many ways|minimum number of|weighings|wie viele möglichkeiten|"
        "how many different|logic puzzle",
        "谜题|逻辑题|至少需要|パズル|最小回数|퍼즐|多少种|何通り",
    ),
    Task(
        "is a legal matter",
        0.5,
        "clause clauses contract contracts lawsuit* tenant* landlord* sublet* liabilit* arbitrat* bailment "
        "estoppel mieter* vermieter* kündig* locataire* bailleur* inquilin* арендатор* kirac\u0131* "
        "klausel* vertrag* contrat contrato договор* sözleşme "
        "عقد tax taxes steuer* impôt* impuesto* налог* divorce statute plaintiff defendant tort",
        "power of attorney",
        "合同|契約|条款|法律|税金|계약|소송",
    ),
    Task(
        "is a medical case",
        0.5,
        "year-old patient* diagnos* prognos* anticoagul* sodium creatinine comorbid* contraindic* "
        "hypotens* hypertens* hyponatr* sepsis biopsy lesion* dosing titrat* ssri mg metast* patientin "
        "пациент* paciente* paziente* hasta hastan\u0131n pacjent*",
        "",
        "患者|환자|مريض",
    ),
    Task(
        "is higher mathematics",
        0.6,
        "bijecti* homeomorph* topolog* manifold* converg* diverg* theorem* eigen* "
        "lemma* axiom* irrational* rational* stochast* stochastisch* countabl* "
        "isomorph* twierdzen* dowód udowodnij kan\u0131tla* teorem* konverg* "
        "сходит* теорем* непрерывн*",
        "every continuous|continuous function|at random",
        "定理|収束|收敛|素数|曲線|曲线|정리|수렴|مبرهنة",
    ),
    Task(
        "is about software that runs under load",
        0.6,
        "memory heap kernel mutex lock locking thread threads replica replication repli* quorum* latency "
        "throughput cache caching transaction* transakt* nebenläufig* concurren* распредел* репликац* "
        "partition* particion* shard* allocat* allocator asynchron* async index* query* planner streams "
        "kubernetes microservice* производительн*",
        "side channel|data race|foreign key|foreign keys",
        "内存|并发|事务|锁|分散|トランザクション|攻撃|メモリ|分布式|동시성|트랜잭션|메모리",
        least=8,
    ),
    Task(
        "sets limits",
        0.4,
        "without assuming assume suppose constraint* preserving keeping guarantee* garanti* ohne sans sem "
        "senza без bez olmadan sicherstell*",
        "must not|given that|sin que|sin usar|sin perder|sin parar|sin tener|"
        "so that|even if|as long as|at most|at least|no more than",
        "不得|而不|ことなく|せずに|않고|دون",
        least=10,
    ),
    Task(
        "asks how or why, at some length",
        0.4,
        "why wie warum weshalb wodurch pourquoi cómo perché dlaczego jak как почему nas\u0131l neden "
        "كيف لماذا "
        "waarom varför",
        "how should|how would|how could|how can a|and how|how does|comment peut|comment év|comment le|"
        "comment la|comment un|por qué|por que|como part|como ev|under which|in quali casi|auf welcher",
        "如何|为什么|怎样|どう|なぜ|어떻게|어떤|왜|कैसे|क्यों",
        least=10,
    ),
    Task(
        EXPLANATION,
        0.3,
        "explain explains why explanation",
        "how come",
        "",
    ),
)
