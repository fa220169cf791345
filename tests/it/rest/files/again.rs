//! Files that are analysed again: retries, and other instructions.

use super::*;

#[tokio::test]
async fn a_file_is_analysed_again_as_another_version_of_its_analysis() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    for text in ["It is about tides.", "It is about ebb."] {
        let answer = server.model.next_answer();
        answer.send(text);
        answer.finish();
    }
    let job_path = upload(&browser, &id, "tides").await;
    let first = wait_for_status(&browser, &job_path, "complete").await;

    let retried = browser.post(&format!("{job_path}/retry")).await;
    let second = wait_for_status(&browser, &job_path, "complete").await;

    assert_eq!(retried.status, StatusCode::ACCEPTED);
    let messages = browser.get(&format!("/api/v1/conversations/{id}/messages")).await.json();
    let [_, analysis] = messages["messages"].as_array().unwrap().as_slice() else {
        panic!("{messages}")
    };
    assert_eq!(analysis["content"], json!("It is about ebb."));
    assert_eq!(analysis["versions"], json!([first["message_id"], second["message_id"]]));
    let requests = server.model.requests();
    assert_eq!(requests[0]["messages"], requests[1]["messages"]);
}

#[tokio::test]
async fn retrying_a_failed_file_analyses_only_missing_parts() {
    let server = TestServer::with_settings(&SMALL_PARTS).await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    for text in ["Part one.", " ", " ", " ", "Part three."] {
        let answer = server.model.next_answer();
        answer.send(text);
        answer.finish();
    }

    let job_path = upload(&browser, &id, &text(3)).await;
    let failed = wait_for_status(&browser, &job_path, "failed").await;
    let earlier_requests = server.model.requests().len();
    let retried = browser.post(&format!("{job_path}/retry")).await;
    wait_for_status(&browser, &job_path, "complete").await;

    assert_eq!((failed["done"].clone(), failed["of"].clone()), (json!(2), json!(3)));
    assert_eq!(failed["error"]["code"], json!("model_empty_answer"));
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("Part 2 of 3 could not be analysed: "), "{message}");
    assert_eq!(retried.status, StatusCode::ACCEPTED);
    assert_eq!(retried.json()["status"], json!("running"));
    let content_of_request = |number: usize| {
        let request = &server.model.requests()[number];
        request["messages"][1]["content"].as_str().unwrap().to_owned()
    };
    assert!(
        content_of_request(earlier_requests).starts_with("Part 2 of 3 "),
        "{}",
        content_of_request(earlier_requests)
    );
    assert!(content_of_request(earlier_requests + 1).starts_with("Analyses of consecutive parts "));
    assert_eq!(server.model.requests().len(), earlier_requests + 2);
}

#[tokio::test]
async fn other_instructions_analyse_a_file_again_as_another_version_of_its_question() {
    let server = TestServer::with_settings(&SMALL_PARTS).await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    for text in ["One.", "Two.", "Tides.", "First.", "Second.", "Spring tides.", "A.", "B.", "Ebb."]
    {
        let answer = server.model.next_answer();
        answer.send(text);
        answer.finish();
    }
    let job_path = upload(&browser, &id, &text(2)).await;
    let first = wait_for_status(&browser, &job_path, "complete").await;
    let invalid = [
        (json!({"instructions": "潮".repeat(2_001)}), "at most 2000 characters"),
        (json!({"instructions": "Which\u{7}?"}), "control characters"),
        (json!({"instruction": "Which?"}), "unknown field"),
        (json!({"instructions": 7}), "string"),
    ];

    for (body, reason) in invalid {
        let refused = retry_with(&browser, &job_path, &body).await;
        assert_eq!(refused.status_and_code(), (422, "invalid_value".to_owned()), "{body}");
        assert!(refused.text.contains(reason), "{refused:?}");
    }
    let instructions = "Which tides are the highest?\nAnd why?";
    let asked = retry_with(&browser, &job_path, &json!({"instructions": instructions})).await;
    let second = wait_for_status(&browser, &job_path, "complete").await;
    let asked_contents = contents(&browser, &id).await;
    let question = second["question_id"].as_str().unwrap();
    let edit = format!("/api/v1/conversations/{id}/messages/{question}/edit");
    let edit = browser.request(Method::POST, &edit).json(&json!({"message": "And why?"}));
    let edited = browser.send(edit).await;
    let reset = retry_with(&browser, &job_path, &json!({"instructions": " \n"})).await;
    let third = wait_for_status(&browser, &job_path, "complete").await;

    assert_eq!(asked.status, StatusCode::ACCEPTED, "{asked:?}");
    assert_eq!(
        (&asked.json()["instructions"], &asked.json()["done"]),
        (&json!(instructions), &json!(0))
    );
    assert_ne!(first["question_id"], second["question_id"]);
    let line = "Please analyse the file \"tides.txt\".";
    assert_eq!(asked_contents, [&format!("{line}\n\n{instructions}"), "Spring tides."]);
    let requests = server.model.requests();
    for request in &requests[3..6] {
        let system = request["messages"][0]["content"].as_str().unwrap();
        assert!(system.ends_with(&format!("The user asks: {instructions}")), "{system}");
    }
    assert_eq!(edited.status_and_code(), (409, "file_analysis".to_owned()));
    assert!(edited.text.contains("other instructions"), "{edited:?}");
    assert_eq!(reset.status, StatusCode::ACCEPTED);
    assert_eq!(third.get("instructions"), None, "{third}");
    assert_eq!(third["question_id"], first["question_id"]);
    assert_eq!(contents(&browser, &id).await, [line, "Ebb."]);
}

/// Retries the analysis with this body.
async fn retry_with(browser: &Browser, job_path: &str, body: &Value) -> Response {
    let request = browser.request(Method::POST, &format!("{job_path}/retry"));
    browser.send(request.json(body)).await
}
