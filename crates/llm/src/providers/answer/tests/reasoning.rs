//! Reasoning, from fields and from the beginning of the text.

use super::*;

fn delta(delta: &serde_json::Value) -> String {
    json!({"choices": [{"delta": delta}]}).to_string()
}

async fn read_all(events: &[String]) -> Deltas {
    read_events(&events.iter().map(String::as_str).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn reasoning_is_found_in_each_shape_of_a_chunk() {
    for shape in [
        json!({"reasoning_content": "Hm."}),
        json!({"reasoning": "Hm."}),
        json!({"reasoning_text": "Hm."}),
        json!({"thinking": "Hm."}),
        json!({"reasoning": "Hm.", "reasoning_content": "Hm."}),
        json!({"reasoning_content": "", "reasoning": "Hm."}),
        json!({"reasoning": {"content": "Hm."}}),
        json!({"reasoning": ["H", {"type": "summary_text", "text": "m."}]}),
        json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]}),
        json!({"content": [{"type": "reasoning", "text": "Hm."}]}),
    ] {
        let deltas = read_all(&[delta(&shape), TEXT.to_owned(), STOP.to_owned()]).await;

        assert_eq!(deltas, [Ok(reasoning("Hm.")), Ok(text("tides")), STOPPED], "{shape}");
    }
}

#[tokio::test]
async fn reasoning_without_text_is_not_shown() {
    for shape in [
        json!({"reasoning_content": ""}),
        json!({"reasoning_content": " \n"}),
        json!({"reasoning": null}),
        json!({"reasoning": {"effort": 1}}),
        json!({"content": [{"type": "redacted_thinking", "data": "c2VjcmV0"}]}),
        json!({"content": "<think>\n\n</think>\n\n"}),
    ] {
        let deltas = read_all(&[delta(&shape), TEXT.to_owned(), STOP.to_owned()]).await;

        assert_eq!(deltas, [Ok(text("tides")), STOPPED], "{shape}");
    }
}

#[tokio::test]
async fn white_space_around_the_reasoning_and_before_the_text_is_dropped() {
    let chunks = ["\n", " A", " ", "sum.", "\n\n"].map(|part| delta(&json!({"reasoning": part})));
    let answer = ["\n\n", " Four", " "].map(|part| delta(&json!({"content": part})));

    let deltas = read_all(&[&chunks[..], &answer[..], &[STOP.to_owned()]].concat()).await;

    let expected = [reasoning("A"), reasoning(" sum."), text("Four"), text(" ")].map(Ok);
    assert_eq!(deltas, [&expected[..], &[STOPPED]].concat());
}

#[tokio::test]
async fn marks_at_the_beginning_of_the_text_separate_the_reasoning_in_each_division() {
    let answer = "<think>\nA <b>sum</b>.\n</think>\n\nFour `<think>` marks.";
    for size in 1..answer.len() {
        let parts = answer.as_bytes().chunks(size).map(|part| str::from_utf8(part).unwrap());
        let events = parts.map(|part| delta(&json!({"content": part})));

        let deltas = read_all(&events.chain([STOP.to_owned()]).collect::<Vec<_>>()).await;

        let (mut thoughts, mut texts) = (String::new(), String::new());
        for delta in &deltas[..deltas.len() - 1] {
            match delta.as_ref().unwrap() {
                Delta::Reasoning(chunk) => thoughts.push_str(chunk),
                Delta::Text(chunk) => texts.push_str(chunk),
                other => panic!("unexpected: {other:?}"),
            }
        }
        assert_eq!((thoughts.as_str(), texts.as_str()), ("A <b>sum</b>.", "Four `<think>` marks."));
        assert_eq!(deltas.last(), Some(&STOPPED));
    }
}

#[tokio::test]
async fn an_answer_that_is_only_reasoning_is_an_error() {
    for shape in [
        json!({"reasoning_content": "Hm."}),
        json!({"content": "<think>Hm."}),
        json!({"content": "<think>Hm.</think>"}),
    ] {
        let deltas = read_all(&[delta(&shape), STOP.to_owned()]).await;

        assert_eq!(deltas, [Ok(reasoning("Hm.")), Err("model_empty_answer")], "{shape}");
    }
}

#[tokio::test]
async fn repeated_messages_add_only_the_rest_of_the_reasoning() {
    let message = |reasoning: &str, text: &str| {
        let message = json!({"reasoning": reasoning, "content": text});
        json!({"choices": [{"message": message}]}).to_string()
    };

    let deltas =
        read_all(&[message("A", ""), message("A sum", ""), message("A sum", "Four")]).await;

    assert_eq!(
        deltas,
        [reasoning("A"), reasoning(" sum"), text("Four")]
            .map(Ok)
            .into_iter()
            .chain([STOPPED])
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn the_tokens_of_the_reasoning_are_those_that_the_model_reports() {
    for (details, expected) in [
        (json!({"reasoning_tokens": 5}), Some(5)),
        (json!({"reasoning_tokens": 0}), None),
        (json!({"reasoning_tokens": 700}), None),
        (json!(null), None),
    ] {
        let usage = json!({"prompt_tokens": 9, "completion_tokens": 7,
            "completion_tokens_details": details});
        let usage = json!({"choices": [], "usage": usage}).to_string();

        let deltas = read_events(&[TEXT, STOP, &usage, "[DONE]"]).await;

        let usage = Usage {
            prompt_tokens: 9,
            completion_tokens: 7,
            reasoning_tokens: expected,
            ..Usage::default()
        };
        assert_eq!(deltas, [Ok(text("tides")), Ok(Delta::Usage(usage)), STOPPED], "{details}");
        assert_eq!(usage.text_tokens(), 7 - expected.unwrap_or(0));
    }
}
