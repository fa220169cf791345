//! Tests of uploads.

use tokio::time::{Instant, sleep};

use super::*;
use crate::testing::TestChat;

fn new_upload(name: &str, content: &[u8]) -> Upload {
    Upload { name: name.to_owned().into(), content: content.to_vec(), charset: None }
}

async fn upload(
    test: &TestChat,
    key: Option<&IdempotencyKey>,
    upload: Upload,
) -> Result<FileJob, ChatError> {
    test.chat.files.upload(test.user_id, test.conversation_id, key, upload).await
}

#[tokio::test(start_paused = true)]
async fn a_rejected_file_is_not_stored() {
    let test = TestChat::with_settings(|settings| settings.files.max_bytes = 10).await;

    for (name, content, code) in [
        ("tides.exe", b"tides".as_slice(), "unsupported_file_type"),
        ("tides", b"tides", "unsupported_file_type"),
        ("tides.txt", b"tides tides", "payload_too_large"),
        ("tides.txt", b"t\xfcde", "file_not_text"),
        ("tides.txt", b"", "empty_file"),
        ("tides.txt", b"\xef\xbb\xbf \r\n", "empty_file"),
    ] {
        let rejected = upload(&test, None, new_upload(name, content)).await;
        assert_eq!(rejected.unwrap_err().code(), code, "{name} {content:?}");
    }
    let other_user = UserId::generate();
    let rejected = test
        .chat
        .files
        .upload(other_user, test.conversation_id, None, new_upload("a.txt", b"tides"))
        .await;
    assert_eq!(rejected.unwrap_err().code(), "conversation_not_found");

    assert_eq!(test.chat.files.list(test.user_id, test.conversation_id).await.unwrap(), []);
    assert_eq!(test.published().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn uploads_beyond_the_users_limit_are_rejected_until_an_analysis_ends() {
    let test = TestChat::with_settings(|settings| settings.files.per_user = 2).await;
    let upload = || upload(&test, None, new_upload("A.TXT", b"tides"));

    let first = upload().await.unwrap();
    upload().await.unwrap();
    let third = upload().await;
    test.chat.files.cancel(test.user_id, test.conversation_id, first.job_id).await.unwrap();
    let after_cancel = upload().await;

    assert_eq!(third.unwrap_err().code(), "too_many_files");
    assert_eq!(after_cancel.unwrap().file_name.as_str(), "A.TXT");
}

/// The user's only permit for long texts is in use, so splitting would wait forever.
#[tokio::test]
async fn a_file_beyond_the_users_limit_is_rejected_before_it_is_split() {
    let test = TestChat::with_settings(|settings| settings.files.per_user = 1).await;
    let key = IdempotencyKey::try_from("first".to_owned()).ok();
    let upload = |key| upload(&test, key, new_upload("a.txt", b"tides"));
    let first = upload(key.as_ref()).await.unwrap();
    let _permit = test.hold_text_permit().await;

    let second = upload(None).await;
    let repeated = upload(key.as_ref()).await.unwrap();

    assert_eq!(second.unwrap_err().code(), "too_many_files");
    assert_eq!(repeated.job_id, first.job_id);
}

#[tokio::test]
async fn uploads_in_progress_count_towards_the_users_limit() {
    let test = TestChat::with_settings(|settings| settings.files.per_user = 1).await;
    let upload = || upload(&test, None, new_upload("a.txt", b"tides"));
    let permit = test.hold_text_permit().await;

    let second = async {
        sleep(Duration::from_millis(50)).await;
        let second = upload().await;
        drop(permit);
        second
    };
    let (first, second) = tokio::join!(upload(), second);

    assert_eq!(first.unwrap().file_name.as_str(), "a.txt");
    assert_eq!(second.unwrap_err().code(), "too_many_files");
}

#[tokio::test]
async fn shutdown_stops_splitting_after_the_grace_period() {
    let test = TestChat::with_settings(|settings| settings.files.max_bytes = usize::MAX).await;
    let content = "语言\n".repeat(20_000_000 / 7);
    let start = Instant::now();

    let upload = upload(&test, None, new_upload("a.txt", content.as_bytes()));
    let shutdown = async {
        sleep(Duration::from_millis(200)).await;
        test.chat.shutdown(Duration::ZERO).await;
    };
    let (rejected, ()) = tokio::join!(upload, shutdown);

    assert_eq!(rejected.unwrap_err().code(), "shutting_down");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(test.chat.files.list(test.user_id, test.conversation_id).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_is_unlisted_when_the_files_that_started_it_are_cancelled() {
    let test = TestChat::with_settings(|settings| settings.files.per_user = 9).await;
    let (files, user_id, id) = (&test.chat.files, test.user_id, test.conversation_id);
    let title = async || test.chat.conversations.find(user_id, id).await.unwrap().title;
    let first = upload(&test, None, new_upload("moons.txt", b"moons")).await.unwrap();
    let second = upload(&test, None, new_upload("tides.txt", b"tides")).await.unwrap();

    files.cancel(user_id, id, first.job_id).await.unwrap();
    let while_one_is_running = title().await;
    files.cancel(user_id, id, second.job_id).await.unwrap();

    assert_eq!(while_one_is_running, Title::of_file(&first.file_name));
    assert_eq!(title().await, None);
}
