//! Tests of compactions that need more than one request.

use super::*;

/// Answers each summary request with "Summary 1.", "Summary 2." and so on. Returns how many there were, and the
/// next request.
async fn answer_all_summary_requests(test: &TestChat) -> (usize, ModelRequest) {
    let mut requests = 0;
    loop {
        let request = test.model.next_request().await;
        if request.request.messages[0].content != SUMMARISE {
            return (requests, request);
        }
        requests += 1;
        request.send_text(&format!("Summary {requests}.")).await;
        request.finish(FinishReason::Stop).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_compaction_takes_one_request_however_long_its_summary_is() {
    let test = TestChat::with_window(2_000, 800).await;
    let mut summaries = 0;

    for _ in 0..36 {
        test.send(&text_of(80)).await.unwrap();
        loop {
            let request = test.model.next_request().await;
            if request.request.messages[0].content != SUMMARISE {
                request.answer(&text_of(80), FinishReason::Stop).await;
                break;
            }
            summaries += 1;
            let words = usize::try_from(request.request.answer_limit.tokens()).unwrap();
            request.answer(&text_of(words), FinishReason::Stop).await;
        }
    }

    // Each compaction frees at least three eighths of the 1 200 available tokens, and a turn has 168.
    assert_eq!(summaries, 10, "requests for summaries");
}

#[tokio::test(start_paused = true)]
async fn messages_beyond_the_window_are_summarised_in_several_requests() {
    let test = chat_with_small_window().await;
    for _ in 0..8 {
        test.append_message(&text_of(400)).await;
    }

    test.send("And now?").await.unwrap();
    let (requests, request) = answer_all_summary_requests(&test).await;

    assert_eq!(requests, 4, "expected two messages per request");
    let messages = &request.request.messages;
    assert!(messages[0].content.ends_with("so far:\nSummary 4."), "{messages:?}");
    assert_eq!(summary(&test).await.unwrap().message_count, 8);
}

#[tokio::test(start_paused = true)]
async fn a_long_history_takes_four_requests_and_the_summary_says_what_it_omits() {
    let test = chat_with_small_window().await;
    test.append_messages(std::iter::repeat_n(text_of(400), 320)).await;

    test.send("And now?").await.unwrap();
    let (requests, request) = answer_all_summary_requests(&test).await;
    let sent = request.contents().join(" ");
    request.answer("Low tide.", FinishReason::Stop).await;
    let (requests_of_next_turn, next) = {
        test.send("And then?").await.unwrap();
        answer_all_summary_requests(&test).await
    };
    next.answer("High tide.", FinishReason::Stop).await;

    assert_eq!((requests, requests_of_next_turn), (4, 0));
    let notice = "[The oldest 312 messages are not part of this summary.]\nSummary 4.";
    assert!(sent.contains(notice), "{sent}");
    let stored = summary(&test).await.unwrap();
    assert_eq!((stored.text.as_str(), stored.message_count), (notice, 320));
    assert_eq!(test.model.request_count(), 6);
    assert_eq!(ledger(&test).await.left_out_messages, 0);
}

#[tokio::test(start_paused = true)]
async fn a_later_summary_still_says_what_the_first_one_omits() {
    let test = chat_with_small_window().await;
    test.append_messages(std::iter::repeat_n(text_of(400), 9)).await;
    test.send("And now?").await.unwrap();
    let (_, request) = answer_all_summary_requests(&test).await;
    request.answer("Low tide.", FinishReason::Stop).await;

    test.append_messages(std::iter::repeat_n(text_of(400), 3)).await;
    test.send("And then?").await.unwrap();
    let summary_request = summary_request(&test).await;
    let content = summary_request.contents()[1].to_owned();
    summary_request.send_text("More tides.").await;
    summary_request.finish(FinishReason::Stop).await;
    answer_all_summary_requests(&test).await;

    assert!(content.starts_with("Summary of the conversation so far:\nSummary 4."), "{content}");
    let stored = summary(&test).await.unwrap();
    let notice = "[The oldest message is not part of this summary.]\n";
    assert!(stored.text.starts_with(notice), "{stored:?}");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_needs_too_many_requests_is_summarised_only_in_part() {
    let test = chat_with_small_window().await;
    test.append_messages([text_of(400), text_of(20_000)]).await;

    test.send("And now?").await.unwrap();
    let (requests, request) = answer_all_summary_requests(&test).await;

    assert_eq!(requests, 4);
    let notice = "[The oldest message is not part of this summary.]\n\
                [This summary omits part of a long message.]\nSummary 4.";
    assert!(request.contents()[0].ends_with(notice), "{:?}", request.contents());
}
