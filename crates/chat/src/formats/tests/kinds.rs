//! Files of other applications, and archives.

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

/// Reads a file of `tests/fixtures/imports`.
macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../../../tests/fixtures/imports/", $name, ".json"))
    };
}

/// Returns the visible texts of each conversation, and what was left out.
pub(super) fn outcome(text: &str) -> String {
    match read_bytes(text.as_bytes()) {
        Err(error) => error.to_string(),
        Ok((all, left_out)) => {
            let texts = all.iter().map(|imported| contents(imported, true).join(" | "));
            texts.chain(reasons(&left_out)).collect::<Vec<_>>().join(" // ")
        }
    }
}

const FILES: [(&str, &str); 28] = [
    ("BOM", fixture!("BOM")),
    ("branch", fixture!("branch")),
    ("channel", fixture!("channel_commentary-analysis")),
    ("children_links_only", fixture!("children_links_only")),
    ("circle", fixture!("circle")),
    ("claude_two", fixture!("claude_two")),
    ("content_string", fixture!("content_string")),
    ("context_thoughts", fixture!("context_thoughts_recap_tool")),
    ("create_time_ISO", fixture!("create_time_ISO_string")),
    ("flask_capital_role", fixture!("flask_capital_role")),
    ("flask_null_content", fixture!("flask_null_content")),
    ("gemini_two", fixture!("gemini_two")),
    ("grown_1", fixture!("grown_1")),
    ("grown_2", fixture!("grown_2")),
    ("lone_surrogate", fixture!("lone_surrogate")),
    ("lone_surrogate_title", fixture!("lone_surrogate_title")),
    ("mapping_null", fixture!("mapping_null")),
    ("no_ids", fixture!("no_ids")),
    ("no_mapping_first", fixture!("no_mapping_first")),
    ("no_mapping_in_the_middle", fixture!("no_mapping_in_the_middle")),
    ("null_conversation", fixture!("null_conversation")),
    ("out_of_order_times", fixture!("out_of_order_times")),
    ("parent_not_there", fixture!("parent_not_there")),
    ("parts_a_string", fixture!("parts_a_string")),
    ("same_id_twice", fixture!("same_id_twice")),
    ("title_number", fixture!("title_number")),
    ("voice", fixture!("voice")),
    ("weight_0", fixture!("weight_0")),
];

#[test]
fn odd_files_are_imported_as_far_as_possible() {
    let outcomes = FILES.map(|(name, file)| format!("{name}: {}", outcome(file)));

    insta::assert_snapshot!(outcomes.join("\n"), @r#"
    BOM: How deep is the lake? | About ninety metres.
    branch: How deep is the lake? | About ninety metres.
    channel: How deep is the lake? | I will look that up. | About ninety metres.
    children_links_only: How deep is the lake? | About ninety metres. | And wide? | Two kilometres.
    circle: How deep is the lake? | About ninety metres. // How deep is the lake? | About ninety metres.
    claude_two: hi // hi
    content_string: How deep? | About ninety metres.
    context_thoughts: How deep is the lake? | About ninety metres.
    create_time_ISO: How deep is the lake? | About ninety metres.
    flask_capital_role: hi | ho
    flask_null_content: hi
    gemini_two: Nothing was imported: this is a list of activities from Google Takeout, which does not contain the answers of Gemini in a form that can be read. Choose the JSON export of Webchat, or the ZIP archive or conversations.json of a ChatGPT or Claude export, or a JSON export of Open WebUI, LibreChat, DeepSeek or Qwen.
    grown_1: How deep is the lake? | About ninety metres.
    grown_2: How deep is the lake? | About ninety metres. | And wide? | Two km.
    lone_surrogate: cut � | About ninety metres.
    lone_surrogate_title: How deep is the lake? | About ninety metres.
    mapping_null: How deep is the lake? | About ninety metres. // 2 (About hole): it has no messages
    no_ids: How deep is the lake? | About ninety metres.
    no_mapping_first: How deep is the lake? | About ninety metres. // 1 (About hole): it has no messages
    no_mapping_in_the_middle: How deep is the lake? | About ninety metres. // How deep is the lake? | About ninety metres. // 2 (About hole): it has no messages
    null_conversation: How deep is the lake? | About ninety metres. // 2 (-): it is not a conversation
    out_of_order_times: one | two | three | four
    parent_not_there: How deep is the lake? | About ninety metres. | And wide? | Two kilometres.
    parts_a_string: How deep? | About ninety metres.
    same_id_twice: How deep is the lake? // How deep is the lake? | About ninety metres. | And wide?
    title_number: How deep is the lake? | About ninety metres.
    voice: What is the tide today | High at four
    weight_0: How deep is the lake? | About ninety metres.
    "#);
}

#[test]
fn exports_of_other_applications_are_imported() {
    let open_webui = r#"[{"id":"c","title":"Lake","chat":{"title":"Lake","history":{"currentId":"b2","messages":{
        "a":{"id":"a","parentId":null,"childrenIds":["b","b2"],"role":"user","content":"How deep?","timestamp":1767323046},
        "b":{"id":"b","parentId":"a","childrenIds":[],"role":"assistant","content":"Ten.","timestamp":1767323047},
        "b2":{"id":"b2","parentId":"a","childrenIds":[],"role":"assistant","content":"Ninety.","timestamp":1767323048}}},
        "messages":[{"id":"a","role":"user","content":"How deep?"}]}}]"#;
    let libre_chat = r#"{"conversationId":"c","title":"Lake","recursive":false,"messages":[
        {"messageId":"a","parentMessageId":"00000000-0000-0000-0000-000000000000","text":"How deep?",
         "sender":"User","isCreatedByUser":true,"createdAt":"2026-01-02T03:04:06.000Z"},
        {"messageId":"b","parentMessageId":"a","text":"","sender":"GPT-4","isCreatedByUser":false,
         "content":[{"type":"think","think":"Hm"},{"type":"text","text":"Ninety."}]}]}"#;
    let recursive = r#"{"conversationId":"c","title":"Lake","recursive":true,"messages":[
        {"messageId":"a","text":"How deep?","isCreatedByUser":true,"children":[
            {"messageId":"b","text":"Ninety.","isCreatedByUser":false,"children":[]}]}]}"#;
    let claude = r#"[{"uuid":"c","name":"Lake","chat_messages":[
        {"uuid":"a","sender":"human","text":"How deep?","attachments":[{"file_name":"a.txt","extracted_content":"Lake"}],
         "parent_message_uuid":"00000000-0000-4000-8000-000000000000"},
        {"uuid":"b","sender":"assistant","text":"","parent_message_uuid":"a",
         "content":[{"type":"thinking","thinking":"Hm"},{"type":"text","text":"Ninety."},{"type":"tool_use","input":{}}]}]}]"#;
    let lines = "{\"conversationId\":\"1\",\"messages\":[{\"role\":\"user\",\"content\":\"One\"}]}\n\
                 {\"conversationId\":\"2\",\"messages\":[{\"role\":\"user\",\"content\":\"Two\"}]}";

    assert_eq!(outcome(open_webui), "How deep? | Ninety.");
    assert_eq!(outcome(libre_chat), "How deep? | Ninety.");
    assert_eq!(outcome(recursive), "How deep? | Ninety.");
    assert_eq!(outcome(claude), "How deep?\n\n[file: a.txt]\n\n```\nLake\n``` | Ninety.");
    assert_eq!(outcome(lines), "One // Two");
    let webui = read_all(open_webui).unwrap().remove(0);
    assert_eq!(contents(&webui, false), ["Ten."]);
    assert_eq!(webui.conversation.title.unwrap().as_str(), "Lake");
}

#[test]
fn what_was_read_before_a_file_breaks_off_is_imported() {
    let file = fixture!("no_mapping_in_the_middle");
    let end = file.rfind("About").unwrap();

    let (all, left_out) = read_bytes(file.get(..end).unwrap().as_bytes()).unwrap();

    assert_eq!(all.len(), 1);
    let last = reasons(&left_out).pop().unwrap();
    assert!(last.contains("the file breaks off in line 1, or"), "{last}");
}

pub(super) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn the_archive_of_an_export_is_read_as_it_is() {
    let export = zip(&[
        ("export/chat.html", b"<html>"),
        ("export/shared_conversations.json", b"[{\"id\":\"x\",\"title\":\"x\"}]"),
        ("export/conversations-001.json", fixture!("grown_2").as_bytes()),
        ("export/conversations-000.json", fixture!("branch").as_bytes()),
        ("../../file-1.png", b"\x89PNG"),
    ]);
    let error = |bytes: &[u8]| read_bytes(bytes).unwrap_err().to_string();
    let bomb = zip(&[("conversations.json", &[vec![b'['], vec![b' '; 70 * 1024 * 1024]].concat())]);

    let (all, left_out) = read_bytes(&export).unwrap();

    assert_eq!((all.len(), left_out), (2, Vec::new()));
    assert_eq!(all[0].conversation.title.as_ref().unwrap().as_str(), "About br");
    assert!(bomb.len() < 100_000);
    assert!(error(&bomb).contains("unpacks to more than the maximum size"), "{}", error(&bomb));
    let names: Vec<_> = (0..=20_000).map(|number| number.to_string()).collect();
    let crowded = zip(&names.iter().map(|name| (name.as_str(), &b""[..])).collect::<Vec<_>>());
    assert!(error(&crowded).contains("more than 20000 files"), "{}", error(&crowded));
    let nested = error(&zip(&[("inner.zip", &export)]));
    assert!(nested.contains("contains another archive"), "{nested}");
    let other = error(&zip(&[("a.png", b"\x89PNG")]));
    assert!(other.contains("has no conversations.json. Choose"), "{other}");
    let damaged = error(export.get(..export.len() / 2).unwrap());
    assert!(damaged.contains("is damaged or incomplete"), "{damaged}");
    let encrypted = error(&with_byte_of_directory(export.clone(), 8, 1));
    assert!(encrypted.contains("is encrypted; unpack it"), "{encrypted}");
    for method in [9, 12, 14, 93, 95, 98] {
        let unusual = error(&with_byte_of_directory(export.clone(), 10, method));
        assert!(
            unusual.contains("an unusual kind of compression; unpack it"),
            "{method}: {unusual}"
        );
    }
}

/// Sets a byte in each entry of an archive's central directory.
fn with_byte_of_directory(mut archive: Vec<u8>, offset: usize, value: u8) -> Vec<u8> {
    let is_entry = |at: &usize| archive[*at..].starts_with(b"PK\x01\x02");
    for at in (0..archive.len() - 4).filter(is_entry).collect::<Vec<_>>() {
        archive[at + offset] = value;
    }
    archive
}

#[test]
fn conversations_without_readable_text_are_named() {
    let asked = r#"{"role": "user", "content": "How deep?"}"#;
    let unreadable = [
        r#"{"q": "How deep?", "a": "Ninety."}"#,
        r#"{"role": "user", "body": "How deep?"}"#,
        r#"{"role": "user", "body": "How deep?"}, {"role": "assistant", "body": "Ninety."}"#,
        r#"{"sender_type": 1, "id": "1", "parent": null, "blob": "How deep?"}"#,
    ];
    for messages in unreadable {
        let file = format!(
            r#"[{{"id": "1", "title": "Lake", "messages": [{messages}]}}, {{"id": "2", "messages": [{asked}]}}]"#
        );
        assert_eq!(
            outcome(&file),
            "How deep? // 1 (Lake): no text was found in its messages",
            "{messages}"
        );
    }
}

#[test]
fn the_body_of_a_loaded_conversation_is_read() {
    let body = r#"{"conversation":[{"role":"user","content":"How deep?"},{"role":"assistant","content":"Ninety."}]}"#;

    assert_eq!(outcome(body), "How deep? | Ninety.");
}

#[test]
fn other_files_of_an_export_are_not_taken_for_conversations() {
    for file in [
        r#"[{"uuid":"u","full_name":"Ann","email_address":"a@b.example","verified_phone_number":null}]"#,
        r#"[{"uuid":"p","name":"Lakes","description":"","prompt_template":"","docs":[]}]"#,
        r#"{"id":"u","email":"a@b.example","chatgpt_plus_user":false}"#,
    ] {
        let error = outcome(file);
        assert!(error.contains("it contains neither conversations nor messages"), "{error}");
    }
}

#[test]
fn a_title_is_made_of_the_question_and_not_of_its_attachments() {
    let file = r#"[{"conversationId": "l", "messages": [
        {"messageId": "1", "isCreatedByUser": true, "text": "Read it", "files": [{"filename": "a.txt", "text": "deep"}]}]}]"#;

    let title = read_all(file).unwrap().remove(0).conversation.title;

    assert_eq!(title.as_ref().map(Title::as_str), Some("Read it"));
}

#[test]
fn fragments_lists_and_attachments_of_other_applications_are_read() {
    let deep_seek = r#"[{"id": "d", "title": "Lake", "inserted_at": "2025-01-02T03:04:05+08:00", "mapping": {
        "root": {"id": "root", "parent": null, "children": ["1"], "message": null},
        "1": {"id": "1", "parent": "root", "children": ["2"], "message": {"inserted_at": "2025-01-02T03:04:05+08:00",
            "fragments": [{"type": "REQUEST", "content": "How deep?"}]}},
        "2": {"id": "2", "parent": "1", "children": [], "message": {"fragments": [
            {"type": "THINK", "content": "Hm."}, {"type": "RESPONSE", "content": "Ninety."}]}}}}]"#;
    let qwen = r#"[{"id": "q", "title": "Lake", "chat": {"messages": [
        {"id": "1", "role": "user", "content": "How deep?"},
        {"id": "2", "role": "assistant", "content": "", "content_list": [
            {"phase": "answer", "content": "Ninety."}]}]}}]"#;
    let libre_chat = r#"[{"conversationId": "l", "title": "Lake", "messages": [
        {"messageId": "1", "isCreatedByUser": true, "text": "Read it",
            "files": [{"filename": "a.txt", "text": "deep"}]}]}]"#;

    assert_eq!(outcome(deep_seek), "How deep? | Ninety.");
    assert_eq!(outcome(qwen), "How deep? | Ninety.");
    assert_eq!(outcome(libre_chat), "Read it\n\n[file: a.txt]\n\n```\ndeep\n```");
}
