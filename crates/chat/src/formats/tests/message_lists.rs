//! Lists of messages, grown exports, and what users saw beside the messages.

use serde_json::{Value, json};

use super::kinds::{outcome, zip};
use super::*;

#[test]
fn lists_of_messages_follow_the_rules_of_conversations() {
    let lines = |lines: &[&str]| lines.join("\n");
    let cases = [
        (
            "authors of all applications",
            r#"[{"from":"human","value":"How deep?"},{"from":"gpt","value":"Ninety."}]"#.to_owned(),
            "How deep? | Ninety.",
        ),
        (
            "what is not for the user is skipped",
            r#"[{"role":"user","content":"How deep?"},{"role":"tool","content":"42"},{"role":"developer","content":"Be brief"},
                {"role":"assistant","content":"<think>Hm</think>Ninety 【1†source】."}]"#.to_owned(),
            "How deep? | Ninety.",
        ),
        (
            "several conversations",
            r#"[{"conversationId":"a","isCreatedByUser":true,"text":"How deep?"},
                {"conversationId":"b","isCreatedByUser":true,"text":"How wide?"},
                {"conversationId":"a","isCreatedByUser":false,"text":"Ninety."}]"#.to_owned(),
            "How deep? | Ninety. // How wide?",
        ),
        (
            "a conversation in each line",
            lines(&[
                r#"{"id":"a","conversations":[{"from":"human","value":"How deep?"},{"from":"gpt","value":"Ninety."}]}"#,
                r#"{"id":"b","conversations":[{"from":"human","value":"How wide?"}]}"#,
            ]),
            "How deep? | Ninety. // How wide?",
        ),
        (
            "an empty list beside the messages",
            r#"{"messages":[{"role":"user","content":"How deep?"}],"results":[]}"#.to_owned(),
            "How deep?",
        ),
        (
            "a list in a list",
            r#"{"version":4,"history":[{"id":1,"name":"Lake","messages":[{"role":"user","content":"How deep?"}]}]}"#.to_owned(),
            "How deep?",
        ),
        (
            "newest first",
            r#"[{"role":"assistant","content":"Ninety.","createdAt":"2025-01-02T03:04:06Z"},
                {"role":"user","content":"How deep?","createdAt":"2025-01-02T03:04:05Z"}]"#.to_owned(),
            "How deep? | Ninety.",
        ),
        (
            "a broken line",
            lines(&[
                r#"{"id":"a","messages":[{"role":"user","content":"How deep?"}]}"#,
                r#"{"id":"b","messages":[{"role":"user","content":"How wi"#,
                r#"{"id":"c","messages":[{"role":"user","content":"How long?"}]}"#,
            ]),
            "How deep? // How wi\n // How long? // 2 (-): a part of it is not valid JSON, and may be missing",
        ),
    ];
    for (name, file, expected) in cases {
        assert_eq!(outcome(&file), expected, "{name}");
    }
}

#[test]
fn own_conversations_without_their_file_are_recognised() {
    let file: Value = serde_json::from_str(&sample()).unwrap();
    let whole = read_all(&sample()).unwrap();
    let twice = json!([file, file]);

    assert_eq!(read_all(&file["conversations"].to_string()).unwrap(), whole);
    assert_eq!(read_all(&file["conversations"][0].to_string()).unwrap(), whole);
    assert_eq!(read_all(&twice.to_string()).unwrap(), [whole.clone(), whole].concat());
}

#[test]
fn each_part_of_an_archive_that_cannot_be_read_is_named() {
    let export = zip(&[
        (
            "conversations-000.json",
            include_bytes!("../../../../../tests/fixtures/imports/branch.json"),
        ),
        ("conversations-001.json", b"]] damaged"),
        ("conversations-002.json", b"<html>"),
        ("conversations-003.json", br#"{"format":"webchat","version":2,"conversations":[]}"#),
    ]);

    let (all, left_out) = read_bytes(&export).unwrap();

    assert_eq!(all.len(), 1);
    insta::assert_snapshot!(reasons(&left_out).join("\n"), @r"
    0 (-): conversations-001.json: it contains neither conversations nor messages in a form that can be read
    0 (-): conversations-002.json: it contains neither conversations nor messages in a form that can be read
    0 (-): conversations-003.json: this is version 2 of the format; this server reads version 1
    ");
}

#[test]
fn documents_and_files_that_the_user_saw_are_read() {
    let chatgpt = |role: &str, more: &str| {
        format!(
            r#"[{{"id":"c","title":"t","mapping":{{"1":{{"id":"1","message":{{"author":{{"role":"{role}"}},{more}}}}}}}}}]"#
        )
    };
    let canvas = r#""recipient":"canmore.create_textdoc","content":{"content_type":"code","text":"{\"name\":\"Poem\",\"type\":\"document\",\"content\":\"Deep lake\"}"}"#;
    let image = r#""content":{"content_type":"multimodal_text","parts":[{"content_type":"image_asset_pointer","asset_pointer":"x"}]}"#;
    let upload = r#""content":{"content_type":"text","parts":[""]},"metadata":{"attachments":[{"name":"report.pdf","mimeType":"application/pdf"}]}"#;
    let claude = r#"[{"uuid":"c","name":"t","chat_messages":[{"uuid":"1","sender":"assistant","content":[
        {"type":"text","text":"Here."},
        {"type":"tool_use","name":"artifacts","input":{"title":"Sum","type":"application/vnd.ant.code","language":"python","content":"1 + 1"}},
        {"type":"tool_use","name":"web_search","input":{"query":"lakes"}}]}]}]"#;
    let deep_seek = r#"[{"id":"c","title":"t","mapping":{"1":{"id":"1","message":{"fragments":[
        {"type":"TOOL_OPEN","content":"open"},{"type":"RESPONSE","content":"Ninety [citation:1]."}]}}}}]"#;
    let qwen = r#"[{"id":"c","title":"t","chat":{"messages":[{"id":"1","role":"assistant","content":"","content_list":[
        {"phase":"think","content":"Hm"},{"phase":"answer","content":"Ninety."}]}]}}]"#;
    let libre_chat = r#"{"conversationId":"c","title":"t","messagesTree":[{"messageId":"1","isCreatedByUser":true,"text":"How deep?"}]}"#;
    let open_webui = r#"[{"id":"c","title":"t","chat":{"messages":[{"id":"1","role":"user","content":"","files":[{"type":"image","url":"data:"}]}]}}]"#;
    for (file, expected) in [
        (chatgpt("assistant", canvas), "**Poem**\n\nDeep lake"),
        (chatgpt("tool", image), "[image]"),
        (chatgpt("user", upload), "[file: report.pdf]"),
        (claude.to_owned(), "Here.\n\n**Sum**\n\n```python\n1 + 1\n```"),
        (deep_seek.to_owned(), "Ninety."),
        (qwen.to_owned(), "Ninety."),
        (libre_chat.to_owned(), "How deep?"),
        (open_webui.to_owned(), "[image]"),
    ] {
        assert_eq!(outcome(&file), expected);
    }
}

/// Returns the visible messages, and their ids in the file.
fn ids(file: &Value) -> Vec<(String, MessageId)> {
    let imported = read_all(&file.to_string()).unwrap().remove(0);
    let visible = imported.messages.into_iter().filter(|stored| stored.active);
    visible.map(|stored| (stored.message.content, stored.message.message_id)).collect()
}

#[test]
fn messages_without_ids_are_found_again_after_others_were_deleted() {
    let list = |texts: &[&str]| {
        let messages: Vec<_> =
            texts.iter().map(|text| json!({"role": "user", "content": text})).collect();
        json!([{"id": "c", "title": "t", "messages": messages}])
    };

    let before = ids(&list(&["a", "b", "c", "c"]));
    let after = ids(&list(&["c", "c", "d", "e"]));

    assert_eq!(before[2..], after[..2]);
    assert!(after[2..].iter().all(|new| !before.iter().any(|old| old.1 == new.1)));
}

#[test]
fn an_answer_that_was_unfinished_is_not_taken_for_the_complete_one() {
    let export = |status: &str, text: &str| {
        json!([{"id": "c", "title": "t", "mapping": {
            "1": {"id": "1", "children": ["2"], "message": {"author": {"role": "user"}, "content": {"parts": ["How deep?"]}}},
            "2": {"id": "2", "parent": "1", "message":
                {"author": {"role": "assistant"}, "status": status, "content": {"parts": [text]}}},
            "3": {"id": "3", "parent": "2", "message": {"author": {"role": "user"}, "content": {"parts": ["And wide?"]}}},
        }}])
    };

    let (early, late) =
        (ids(&export("in_progress", "Nine")), ids(&export("finished_successfully", "Ninety.")));

    assert_eq!((early.len(), late.len()), (3, 3));
    assert_eq!((early[0].1, early[2].1), (late[0].1, late[2].1));
    assert_ne!(early[1].1, late[1].1);
}

#[test]
fn a_current_node_without_a_text_does_not_hide_the_messages() {
    let export = json!([{"id": "c", "title": "t", "current_node": "0", "mapping": {
        "0": {"id": "0", "message": null, "children": ["1"]},
        "1": {"id": "1", "parent": "0", "message": {"author": {"role": "user"}, "content": {"parts": ["How deep?"]}}},
    }}]);

    assert_eq!(outcome(&export.to_string()), "How deep?");
}
