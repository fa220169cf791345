//! Tests of ChatGPT files, and of the limits of a conversation.

use super::*;

#[test]
fn chatgpt_branches_become_versions_and_messages_without_visible_text_are_skipped() {
    let imported = read_all(CHATGPT).unwrap();

    let tides = &imported[0];
    let lines = tides.messages.iter().map(|stored| {
        let message = &stored.message;
        let parent = message.parent_id.and_then(|parent| {
            tides.messages.iter().position(|other| other.message.message_id == parent)
        });
        let sign = if stored.active { '+' } else { ' ' };
        let (at, status) = (message.created_at.unix_millis(), message.status);
        format!("{sign} {parent:?} {at} {:?} {status:?} {:?}", message.role, message.content)
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
    + None 1767323046000 User Complete "Why are there two tides a day?"
      Some(0) 1767323047000 Assistant Truncated "The moon."
      Some(1) 1767323049000 User Complete "[image]\n\nAnd here?"
    + Some(0) 1767323051500 Assistant Complete "The moon and the sun, one bulge on each side."
    + Some(3) 1767323053000 Assistant Complete "```python\nprint(2)\n```"
    "#);
    assert_eq!(tides.conversation.title.as_ref().unwrap().as_str(), "Tides");
    assert_eq!(tides.conversation.created_at.unix_millis(), 1_767_323_045_250);
    let other = &imported[1];
    assert_eq!(contents(other, true), ["A question without an answer"]);
    assert_eq!(other.conversation.title.as_ref().unwrap().as_str(), "A question without an answer");
    assert_eq!(other.conversation.created_at, NOW);
}

/// Returns a file in ChatGPT's format whose second conversation has these nodes.
fn chatgpt_file(nodes: impl Iterator<Item = String>) -> String {
    let nodes: Vec<String> = nodes.collect();
    format!(
        "[{{\"id\":\"1\",\"mapping\":{{}}}},{{\"id\":\"2\",\"mapping\":{{{}}}}}]",
        nodes.join(",")
    )
}

fn node(id: usize, parent: usize, message: &str) -> String {
    format!("\"{id}\":{{\"parent\":\"{parent}\"{message}}}")
}

const USER: &str = ",\"message\":{\"author\":{\"role\":\"user\"},\"content\":{\"parts\":";

#[test]
fn a_conversation_with_too_many_messages_is_rejected() {
    let message = format!("{USER}[\"a\"]}}}}");
    let nodes = |count: usize| (1..=count).map(|id| node(id, id - 1, &message));
    let messages = |count| vec!["{\"role\":\"user\",\"content\":\"a\"}"; count].join(",");

    assert!(read_all(&chatgpt_file(nodes(100_000))).is_ok());
    let too_many = [chatgpt_file(nodes(100_001)), format!("[{}]", messages(100_001))];

    for (file, position) in too_many.iter().zip(["2 (-): ", "1 (-): "]) {
        let limit = "it has more than 100000 messages; split it into several conversations";
        assert_eq!(error_message(file), format!("{position}{limit}"));
    }
}

#[test]
fn a_conversation_with_too_much_text_is_rejected() {
    let text = "x".repeat(1024 * 1024);
    let message = format!("{USER}[\"{text}\"]}}}}");
    let nodes = |count: usize| (1..=count).map(|id| node(id, id - 1, &message));

    assert!(read_all(&chatgpt_file(nodes(31))).is_ok());
    let message = error_message(&chatgpt_file(nodes(33)));

    assert!(message.starts_with("2 (-): "), "{message}");
    assert!(message.contains("more than 32 MiB of text"), "{message}");
}

#[test]
fn a_text_beyond_the_limit_of_the_parser_is_left_out() {
    let text = "x".repeat(25 * 1024 * 1024);
    let file = chatgpt_file(std::iter::once(node(1, 0, &format!("{USER}[\"{text}\"]}}}}"))));

    assert_eq!(error_message(&file), "2 (-): its message 1 is longer than 4 MiB");
}

#[test]
fn children_of_nodes_without_text_are_attached_to_the_nearest_message_and_other_parts_are_skipped()
{
    let parts = "[0,null,true,[\"no\"],\"\",{\"text\":\"one\"},{\"text\":3},\"two\",\
                 {\"content_type\":\"image_asset_pointer\"}]";
    let nodes = [
        node(1, 0, &format!("{USER}{parts}}}}}")),
        node(2, 1, ""),
        node(3, 2, ",\"message\":null"),
        node(4, 3, &format!("{USER}[\"three\"]}}}}")),
    ];

    let imported = read_all(&chatgpt_file(nodes.into_iter())).unwrap().remove(1);

    let [first, second] = &imported.messages[..] else { panic!("{imported:?}") };
    assert_eq!(first.message.content, "one\n\ntwo\n\n[image]");
    assert_eq!(second.message.content, "three");
    assert_eq!(second.message.parent_id, Some(first.message.message_id));
}
