//! Texts, with the searches by which every store must find them.

/// A text with searches that find it and searches that don't.
pub struct SearchCase {
    /// The text.
    pub text: &'static str,
    /// Queries that find it.
    pub found_by: &'static [&'static str],
    /// Queries that don't find it.
    pub not_found_by: &'static [&'static str],
}

const fn case(
    text: &'static str,
    found_by: &'static [&'static str],
    not_found_by: &'static [&'static str],
) -> SearchCase {
    SearchCase { text, found_by, not_found_by }
}

/// Texts that people search for, in many languages.
pub const SEARCH_CASES: &[SearchCase] = &[
    // English: stems, all words, the beginning of the last word, phrases and exclusions
    case(
        "many studies of running children",
        &[
            "study",
            "studie",
            "stud",
            "run child",
            "children many",
            "chil*  runn*",
            "\"running children\"",
            "man* child",
        ],
        &["stu running", "runs study adult", "udies", "\"many children\"", "study -running"],
    ),
    case(
        "he said \"moon landing\" twice",
        &[
            "moon-landing",
            "“moon landing”",
            "\"moon landing\"",
            "\0moon",
            "moo",
            "land*",
            "moon -sun",
        ],
        &["moon -landing", "\"landing moon\"", "m", "moon sun"],
    ),
    case(
        "to be or not to be",
        &["to be or not to be", "\"to be or not to be\"", "NOT", "or"],
        &["and"],
    ),
    case(
        "don't use O'Brien's key",
        &["don't", "don’t", "dont", "O'Brien", "obrien", "brien"],
        &["done"],
    ),
    case(
        "vitamin C, plan B",
        &["vitamin c", "plan b"],
        &["C++", "vitamin d deficit", "pla vitamin"],
    ),
    case(
        "a state-of-the-art e-mail client",
        &["state-of-the-art", "state of the art", "e-mail", "email", "emails", "emai", "art"],
        &["state-art", "male"],
    ),
    case(
        "it was set up by e‑mail: co-operate",
        &["email", "cooperate", "co-operation"],
        &["mailco"],
    ),
    // Programs, addresses and numbers
    case(
        "call my_helper_function before parse_config()",
        &[
            "my_helper_function",
            "helper",
            "my_helper",
            "my_help",
            "parse_config()",
            "parseconfig",
            "helper_function",
        ],
        &["my_function", "function_helper"],
    ),
    case(
        "the class HttpRequestParser fails",
        &[
            "HttpRequestParser",
            "httprequest",
            "http",
            "request parser",
            "RequestParser",
            "requestp",
        ],
        &["parserequest", "questpar"],
    ),
    case(
        "GPT-4 and python3, parseURL, iPhone 15",
        &[
            "gpt4",
            "gpt-4",
            "gpt 4",
            "python",
            "python 3",
            "python 2",
            "url",
            "phone",
            "iphone 1",
            "iphone15 phone",
            "\"iphone 1",
        ],
        &["\"python 2\"", "python 2 gpt", "python 20", "\"iphone 1\"", "2"],
    ),
    case(
        "I prefer C++ over C# and F#",
        &["C++", "c#", "f#", "prefer C", "C+", "prefer C+"],
        &["F++", "F+", "D", "\"C+\""],
    ),
    case(
        "C++17, C#12 and F#8 with g++",
        &["C++", "C++17", "C++ 17", "c++1", "C# 12", "F#8", "F# 8", "\"C++ 17\"", "g+", "C 17"],
        &["C++20", "C++ 20", "C# 11", "F# 11", "C++ 12 20", "\"C++ 1\""],
    ),
    case(
        "error 404 on port 8080: see chapter 12",
        &["error 4", "error 40", "port 8", "chapter 1", "chapter 3", "error \"4", "error-4"],
        &["error 41", "\"error 4\"", "error 4 port", "\"error 3", "error-3"],
    ),
    case(
        "write to maria.lopez@example.org about it",
        &["maria.lopez@example.org", "maria", "lopez", "example.org", "@example", "marialopez"],
        &["maria.example"],
    ),
    case(
        "see https://docs.example.com/guide?page=2#top",
        &["https://docs.example.com/guide", "docs.example", "guide", "example.com/gui"],
        &["docs.com"],
    ),
    case(
        "look into /etc/nginx/nginx.conf please",
        &["nginx.conf", "/etc/nginx", "etc/nginx/nginx"],
        &["etc/conf"],
    ),
    case(
        "it broke in version 3.11.7 of python",
        &["3.11.7", "3.11", "version 3.11.7", "python"],
        &["3.12", "11.3"],
    ),
    case(
        "ERROR-4042: E_CONN_RESET happened",
        &["4042", "E_CONN_RESET", "conn_reset", "error4042", "E_CONN"],
        &["conn_error"],
    ),
    case(
        "invoice 12,345.67 dated 2024-05-06",
        &["12,345.67", "12345.67", "12 345", "2024-05-06", "20240506", "2024"],
        &["345.12"],
    ),
    case(
        "fn main() { println!(\"hi\"); }",
        &["println!", "println!(\"hi\")", "main()", "fn main"],
        &["mainprintln"],
    ),
    case(
        "tagged #kubernetes and @maria",
        &["#kubernetes", "@maria", "kubern"],
        &["#mar -kubernetes"],
    ),
    case(
        "use Node.js or the U.S.A. build of .NET",
        &["nodejs", "node.js", "usa", "U.S.A.", ".net", "net"],
        &["nojs"],
    ),
    // Scripts without spaces between words
    case(
        "今天上海的天气很好，我们去公园散步吧。",
        &[
            "天气",
            "上海",
            "散步",
            "今天上海的天气很好",
            "公园散步",
            "园",
            "吧",
            "天气 散步",
            "\"天气很好\"",
        ],
        &["上天", "气天", "天气 北京", "天气 -散步"],
    ),
    case(
        "请重跑gen-report脚本然后检查结果",
        &["gen-report", "report", "脚本", "gen-report脚本", "跑g", "跑gen", "检查结果", "genrep"],
        &["本脚"],
    ),
    case(
        "東京タワーの高さは三百三十三メートルです。",
        &["東京", "タワー", "高さ", "メートル", "東京タワー", "です", "ﾀﾜｰ"],
        &["京都", "ター"],
    ),
    case("かぎを忘れた", &["かぎ", "忘れた かぎ"], &["かき"]),
    case(
        "오늘은 날씨가 좋아서 산책을 갔습니다",
        &["날씨", "날씨가", "산책", "오늘 산책", "갔습"],
        &["씨날", "날씨 어제"],
    ),
    case("วันนี้อากาศดีมากเราไปเดินเล่น", &["อากาศ", "วันนี้", "เดินเล่น", "อากาศ เดิน"], &["เมื่อวาน"]),
    case("ភាសាខ្មែរ និង ພາສາລາວ", &["ខ្មែរ", "ລາວ"], &["ថៃ"]),
    // Spellings
    case(
        "El niño comió jalapeños en la cafetería",
        &["nino", "niño", "jalapenos", "JALAPEÑOS", "cafeter"],
        &["nina"],
    ),
    case(
        "Die Straße ist groß, Äpfel schön",
        &["strasse", "Straße", "STRASSE", "apfel", "gross", "schon"],
        &["stras3"],
    ),
    case(
        "İstanbul ve ılıman iklim",
        &["istanbul", "İstanbul", "ISTANBUL", "ilıman", "iliman"],
        &["ankara"],
    ),
    case("Ёлка стоит в углу, мой дом", &["елка", "ёлка", "ЁЛКА", "стоит углу"], &["палка"]),
    case("Ο Σίσυφος σπρώχνει", &["σισυφος", "ΣΊΣΥΦΟΣ", "σισυφο"], &["σισυφη"]),
    case("كِتَابٌ جديد في المدرسة ١٢٣", &["كتاب", "كتـاب", "المدرسه", "123"], &["كتب"]),
    case("שָׁלוֹם עולם", &["שלום", "עולם"], &["שלג"]),
    case("می‌خواهم کتاب یک", &["میخواهم", "می‌خواهم", "كتاب", "يك"], &["نمی"]),
    case("हिन्दी में किताब", &["हिन्दी", "किताब"], &["हनदी", "कताब"]),
    case(
        "फ़ोन बढिया है, हँसना, \u{95B}रूर, ਸ਼ਹਿਰ",
        &[
            "फोन",
            "फ\u{93C}ोन",
            "\u{95E}ोन",
            "बढ़िया",
            "बढिया",
            "जरूर",
            "ज\u{93C}रूर",
            "ਸਹਿਰ",
            "ਸ਼ਹਿਰ",
            "हंसना",
        ],
        &["फान", "बडिया"],
    ),
    case("Đường phố Hà Nội", &["duong", "Hà", "ha noi", "đường pho"], &["noi ha -pho"]),
    case("Cafe\u{301} Zu\u{308}rich", &["Café", "cafe", "Zürich", "zurich"], &["zuerich"]),
    case("Ærø, Łódź, œuvre, Þór", &["aero", "lodz", "oeuvre", "thor"], &["odz"]),
    case("l’été à la plage", &["été", "ete", "l'été", "lete"], &["tete"]),
    case("ＡＢＣ １２３ full width", &["ABC", "abc 123", "ａｂｃ"], &["abd"]),
    case("the ﬁnal oﬃce", &["final", "office", "ﬁnal"], &["fine"]),
    case(
        "co\u{AD}operation zero\u{200B}width re\u{202E}versed",
        &["reversed", "cooperation", "zerowidth"],
        &["zero\u{A0}operation"],
    ),
    case(
        "party 🎉 tonight 🎂 👩🏽‍🔬",
        &["🎉", "party 🎉", "🎂", "👩‍🔬", "👩", "🎉 tonight"],
        &["🎈", "party 🎈"],
    ),
    // Beginnings and parts that look like others
    case("ใส่ตะไคร้ สวัสดี ขอสูตรต้มยำ", &["ใส", "สวัสด", "ขอส", "ขอสูตรต"], &["ตะไก"]),
    case(
        "\u{1112}\u{116C}\u{110B}\u{1174}\u{1105}\u{1169}\u{11A8}",
        &["회의록", "의록"],
        &["회록"],
    ),
    case(
        "press Ctrl+Shift+P in Notepad++",
        &["ctrl+", "ctrl+sh", "notepad+", "notepad++"],
        &["shiftctrl"],
    ),
    case("a 3.5mm jack, version v1.2.3", &["3.5mm", "3.5 mm", "1.2.3", "v1.2.3"], &["1.2.4"]),
    // Commands, whose options are neither excluded nor required
    case(
        "run ls -la, grep -r foo and git commit -m \"fix it\" --amend",
        &[
            "ls -la",
            "ls -l",
            "ls -x",
            "-la",
            "grep -r foo",
            "git commit -m \"fix it\"",
            "git --amend",
            "grep -\"js\"",
        ],
        &["ls -grep", "ls -\"la\"", "grep -r bar", "git --force"],
    ),
    // Letters and digits: together, with a space or with a hyphen
    case(
        "install python3.11 or Node 18.2",
        &[
            "python3.11",
            "python 3.11",
            "python-3.11",
            "\"python 3.11\"",
            "python 3",
            "python3.1",
            "3.11",
            "python",
            "node18.2",
            "node 18.2",
            "node18",
            "Node-18",
        ],
        &["python 3.12", "python3.12", "node3"],
    ),
    case(
        "llama3.1-8b-instruct, Qwen 2.5 Coder and gpt-4o on an RTX4090 Ti",
        &[
            "llama 3.1",
            "llama3.1",
            "llama-3.1 8b",
            "llama 3.1 instruct",
            "qwen2.5",
            "qwen2.5-coder",
            "gpt4o",
            "gpt 4o",
            "gpt-4o",
            "rtx 4090",
            "rtx4090ti",
            "4090ti",
            "4090 Ti",
        ],
        &["llama 3.2", "gpt5", "rtx4080"],
    ),
    case(
        "COVID-19 in H₂O, UTF8, sha 256 and mp3s",
        &["covid19", "covid 19", "h2o", "h 2 o", "utf-8", "utf 8", "sha256", "sha-256", "mp3"],
        &["covid 20", "utf16", "utf-16", "sha512", "o2h"],
    ),
    case(
        "commit bb9a0d1f of 6b0c82ed9769098d5d85d21a",
        &["bb9a0d1f", "bb9a0", "6b0c82ed97", "6b0c", "6b0c82ed9769098d5d85d21a"],
        &["9a0d1f", "98d5d85"],
    ),
    // While a user types
    case(
        "how to bake bread in snake_case ovens, don't you",
        &[
            "how to b",
            "how to ba",
            "how to x",
            "how to \"",
            "how to \"b",
            "how to \"bak",
            "how \"to bak",
            "\"how to b",
            "how to -",
            "how to -b",
            "how to -br",
            "snake_",
            "snake_c",
            "snake_ca",
            "bread don't",
        ],
        &["how to x bread", "how to xy", "how \"to bak\"", "how \"to xa", "it's", "snake_x bread"],
    ),
    case(
        "first analysis, next diagnosis",
        &["analyses", "diagnoses first", "analyse next"],
        &["bases"],
    ),
    case(
        "the analyses of both hypotheses",
        &["analysis", "analysis both", "hypothesis of"],
        &["these"],
    ),
    case(
        "src/rendering of 3D-printing: a 2nd-generation method, user@shipping, \"early testing\"",
        &[
            "src/render",
            "src/renderi",
            "src/rendering",
            "3D-printi",
            "2nd-generati",
            "2nd-generatio",
            "user@shippi",
            "\"early testi",
            "early/testi*",
        ],
        &["src/renderx", "of/renderi", "3D-printx", "\"late testi", "\"src renderi\""],
    ),
    case("order 12345 for 10001 nights", &["12345"], &["1.2.3", "10.0.0.1", "10.0"]),
];
