//! Exports of Webchat that were edited by hand.

use serde_json::{Value, json};

use super::oddities::{oddities, paths};
use super::*;

fn conversation() -> Value {
    let mut file: Value = serde_json::from_str(&sample()).unwrap();
    file["conversations"][0].take()
}

fn file_of(conversations: &[Value]) -> String {
    json!({"format": "webchat", "version": 1, "conversations": conversations}).to_string()
}

/// Reads a file whose first conversation was changed.
fn read_changed(change: impl FnOnce(&mut Value)) -> (Vec<ImportedConversation>, Vec<LeftOut>) {
    let mut conversation = conversation();
    change(&mut conversation);
    read_bytes(file_of(&[conversation]).as_bytes()).unwrap()
}

const EVERY_TEXT: [&str; 3] = ["number 2", "number 3", "number 4"];

fn texts(imported: &ImportedConversation) -> Vec<&str> {
    imported.messages.iter().map(|stored| stored.message.content.as_str()).collect()
}

#[test]
fn a_malformed_value_of_a_message_loses_no_text() {
    let conversation = conversation();
    let names = conversation["messages"][1].as_object().unwrap().keys();
    for name in names.filter(|name| !["role", "content"].contains(&name.as_str())) {
        for oddity in oddities() {
            let (all, left_out) = read_changed(|it| it["messages"][1][name] = oddity.clone());

            assert_eq!(left_out, [], "{name}: {oddity}");
            let mut found = texts(&all[0]);
            found.sort_unstable();
            assert_eq!(found, EVERY_TEXT, "{name}: {oddity}");
            check_order(&all[0]);
        }
    }
}

#[test]
fn a_malformed_value_of_a_conversation_loses_no_message() {
    for path in {
        let mut all = Vec::new();
        let mut conversation = conversation();
        conversation.as_object_mut().unwrap().remove("messages");
        paths(&conversation, "", &mut all);
        all.into_iter().filter(|path| !path.is_empty())
    } {
        for oddity in oddities() {
            let (all, _) = read_changed(|it| *it.pointer_mut(&path).unwrap() = oddity.clone());

            assert_eq!(texts(&all[0]), EVERY_TEXT, "{path}: {oddity}");
        }
    }
}

/// Each position is higher than the one before, and each parent is an earlier message.
fn check_order(imported: &ImportedConversation) {
    let mut ids = Vec::new();
    let mut position = 0;
    for stored in &imported.messages {
        let message = &stored.message;
        assert!(message.position > position, "{imported:?}");
        position = message.position;
        assert!(message.parent_id.is_none_or(|parent| ids.contains(&parent)), "{imported:?}");
        assert!(!ids.contains(&message.message_id), "{imported:?}");
        ids.push(message.message_id);
    }
    assert!(imported.last_position >= position);
}

#[test]
fn messages_that_cannot_be_imported_are_reported_and_the_others_are_imported() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 8] = [
        ("role", |it| it["messages"][1]["role"] = json!("robot")),
        ("no role", |it| it["messages"][1]["role"] = Value::Null),
        ("system", |it| it["messages"][1]["role"] = json!("system")),
        ("no message", |it| it["messages"][1] = json!("number 3")),
        ("long", |it| it["messages"][1]["content"] = json!("x".repeat(4 * 1024 * 1024 + 1))),
        ("twice", |it| it["messages"][1] = it["messages"][0].clone()),
        ("two", |it| {
            it["messages"][0]["role"] = json!("robot");
            it["messages"][1]["role"] = json!("robot");
        }),
        ("context", |it| {
            it["context"] = json!({
                "system_prompt": [], "parameters": {"temperature": "hot", "seed": 7},
                "examples": [{"user_prompt": "Hi"}, null],
                "summary": {"text": "They met.", "through": 9, "message_count": 1},
            });
        }),
    ];
    let reports = changes.map(|(name, change)| {
        let (all, left_out) = read_changed(change);
        let found = texts(&all[0]).len();
        format!("{name}, {found} messages: {}", reasons(&left_out).join("; "))
    });

    insta::assert_snapshot!(reports.join("\n"), @r#"
    role, 2 messages: 1 (Tides): one of its messages was left out: the role is neither `user` nor `assistant`
    no role, 2 messages: 1 (Tides): one of its messages was left out: the role is missing
    system, 2 messages: 1 (Tides): one of its messages was left out: the role is neither `user` nor `assistant`
    no message, 2 messages: 1 (Tides): one of its messages was left out: not a message
    long, 2 messages: 1 (Tides): one of its messages was left out: longer than 4 MiB
    twice, 2 messages: 1 (Tides): one of its messages was left out: repeated in the file
    two, 1 messages: 1 (Tides): 2 of its messages were left out: the role is neither `user` nor `assistant`
    context, 3 messages: 1 (Tides): its system prompt was left out: not valid; 1 (Tides): one of its parameters was left out: not valid; 1 (Tides): 2 of its examples were left out: not valid; 1 (Tides): its summary was left out: not valid for these messages
    "#);
}

#[test]
fn missing_fields_get_defaults() {
    let file = file_of(&[json!({"messages": [
        {"role": "USER", "content": "Hi"},
        {"role": "assistant", "content": [{"type": "text", "text": "Hello"}], "position": "7"},
        {"role": "user", "content": "Bye", "created_at": 1_767_323_045},
    ], "context": {"system_prompt": "Be brief.", "examples": [{"user_prompt": "a", "assistant_response": "b"}]}})]);

    let imported = read_all(&file).unwrap().remove(0);

    let messages: Vec<_> = imported.messages.iter().map(|stored| &stored.message).collect();
    assert_eq!(texts(&imported), ["Hi", "Hello", "Bye"]);
    assert_eq!(messages.iter().map(|it| it.position).collect::<Vec<_>>(), [1, 7, 8]);
    assert_eq!(messages[2].parent_id, Some(messages[1].message_id));
    assert_eq!(messages[1].role, Role::Assistant);
    assert_eq!(messages[2].created_at, NOW);
    let context = &imported.context;
    assert_eq!(context.system_prompt.as_ref().unwrap().text, "Be brief.");
    assert_eq!(context.examples[0].assistant_response, "b");
    assert_eq!(read_all(&file).unwrap().remove(0), imported, "the second import has other ids");
}

#[test]
fn messages_are_ordered_by_their_positions() {
    let (all, _) = read_changed(|it| it["messages"].as_array_mut().unwrap().reverse());

    assert_eq!(texts(&all[0]), EVERY_TEXT);
}

#[test]
fn comments_are_skipped() {
    let file = r#"// for Tom
        {"format":"webchat","version":1,"conversations":[
        // the first one
        {"title":"T","messages":[ /* none is missing */
        {"role":"user","content":"hi // there"}, // wrong question
        # and the answer
        {"role":"assistant","content":"ho"} ]}]}"#;

    assert_eq!(texts(&read_all(file).unwrap()[0]), ["hi // there", "ho"]);
}
