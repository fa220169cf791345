use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use webchat_domain::{Actor, ErasedCounts, Erasure, ErasureId, Session, SessionId, SignIn, UserId};
use webchat_persistence::{MockErasures, MockSavedFiles, SavedFilesUsage, StoreError};

use crate::testing::{QUESTION, TestChat, settle};

/// An erasure of the test's user, who has no account.
fn erasure(test: &TestChat) -> Erasure {
    Erasure {
        erasure_id: ErasureId::generate(),
        user_id: test.user_id,
        requested_at: test.chat.sessions.now(),
        completed_at: None,
        counts: None,
    }
}

async fn replay(test: &TestChat, erasure: Erasure) -> Erasure {
    test.chat.erasures.replay(erasure, &Actor::COMMAND_LINE).await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_erasure_stops_the_running_answer_and_deletes_everything() {
    let test = TestChat::new().await;
    test.chat.spawn_background_tasks();
    let request = test.ask(QUESTION).await;
    request.send_text("Hm").await;
    settle().await;

    let requested = replay(&test, erasure(&test)).await;
    let receipt = test.chat.erasures.complete(requested.erasure_id).await.unwrap();

    assert!(request.is_cancelled());
    let counts = ErasedCounts { conversations: 1, messages: 2, ..ErasedCounts::default() };
    assert_eq!(receipt.counts, Some(counts));
    assert_eq!(test.chat.conversations.list_all(test.user_id).await.unwrap(), []);
    assert_eq!(test.published().await, [""; 0]);
    let started = test.chat.conversations.start(test.user_id, None).await;
    assert_eq!(started.unwrap_err().code(), "conversation_not_found");
}

#[tokio::test(start_paused = true)]
async fn a_failed_erasure_is_continued_and_keeps_its_counts() {
    let mut files = MockSavedFiles::new();
    files.expect_usage().returning(|_| Ok(SavedFilesUsage { files: 3, bytes: 9 }));
    files.expect_delete().returning(|_, _| Ok(()));
    files.expect_delete_all().times(1).returning(|_| Err(StoreError::unavailable("no disk")));
    files.expect_delete_all().times(1).returning(|_| Ok(()));
    let test = TestChat::new().await.with_ports(|ports| ports.saved_files = Arc::new(files));

    let requested = replay(&test, erasure(&test)).await;
    let failed = test.chat.erasures.complete(requested.erasure_id).await;
    test.clock.advance(Duration::from_mins(1));
    let receipt = test.chat.erasures.complete(requested.erasure_id).await.unwrap();

    assert_eq!(failed.unwrap_err().code(), "storage_unavailable");
    let counts = ErasedCounts { conversations: 1, saved_files: 3, ..ErasedCounts::default() };
    assert_eq!(receipt.counts, Some(counts));
    assert_eq!(receipt.completed_at, Some(test.chat.sessions.now()));
}

#[tokio::test(start_paused = true)]
async fn a_replayed_erasure_runs_again_although_its_receipt_is_complete() {
    let test = TestChat::new().await;
    let counts = Some(ErasedCounts { conversations: 4, ..ErasedCounts::default() });
    let completed_at = Some(test.chat.sessions.now());
    let completed = Erasure { completed_at, counts, ..erasure(&test) };
    test.chat.core.ports.erasures.put_erasure(completed.clone()).await.unwrap();
    let of_another = Erasure { user_id: UserId::generate(), ..completed.clone() };

    let refused = test.chat.erasures.replay(of_another, &Actor::COMMAND_LINE).await.unwrap();
    let requested = replay(&test, completed.clone()).await;
    let receipt = test.chat.erasures.complete(requested.erasure_id).await.unwrap();

    assert_eq!((refused, requested.completed_at), (None, None));
    assert_eq!(test.chat.conversations.list_all(test.user_id).await.unwrap(), []);
    assert_eq!(receipt, completed, "the counts are those of the first deletion");
}

/// A store of these incomplete erasures, the last of which can't be erased. It is overwritten once.
fn store_of(erasures: &[Erasure]) -> MockErasures {
    let mut unleased = VecDeque::from(erasures.to_vec());
    let failing = erasures.last().map(|erasure| erasure.user_id);
    let stored = erasures.iter().map(|erasure| (erasure.erasure_id, erasure.clone()));
    let stored = Arc::new(Mutex::new(stored.collect::<BTreeMap<_, _>>()));
    let completed = Arc::clone(&stored);
    let is_overwritten = Arc::new(Mutex::new(false));
    let overwritten = Arc::clone(&is_overwritten);
    let mut store = MockErasures::new();
    store.expect_lease_erasure().returning(move |_, _| Ok(unleased.pop_front()));
    store.expect_extend_erasure_lease().returning(|_, _| Ok(()));
    store.expect_count_stored().returning(|_| Ok(ErasedCounts::default()));
    store.expect_set_erased_counts().returning(|_, _| Ok(()));
    store.expect_erase_stored().returning(move |user_id| {
        let is_failing = Some(user_id) == failing;
        if is_failing { Err(StoreError::unavailable("no disk")) } else { Ok(()) }
    });
    store.expect_overwrite_erased().times(1).returning(move || {
        *overwritten.lock().unwrap() = true;
        Ok(())
    });
    store.expect_complete_erasure().returning(move |id, now| {
        assert!(*is_overwritten.lock().unwrap(), "the receipt is complete too early");
        completed.lock().unwrap().get_mut(&id).unwrap().completed_at = Some(now);
        Ok(())
    });
    store.expect_find_erasure().returning(move |id| Ok(stored.lock().unwrap().get(&id).cloned()));
    store
}

#[tokio::test(start_paused = true)]
async fn ten_erasures_settle_together_are_overwritten_once_and_a_failed_one_stops_no_other() {
    let test = TestChat::new().await;
    let erasures: Vec<Erasure> =
        (0..10).map(|_| Erasure { user_id: UserId::generate(), ..erasure(&test) }).collect();
    let store = store_of(&erasures);
    let test = test.with_ports(|ports| ports.erasures = Arc::new(store));
    let service = &test.chat.erasures;
    let started = Instant::now();

    let first = service.complete(erasures[0].erasure_id).await.unwrap();

    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
    assert!(first.completed_at.is_some());
    for (number, erasure) in erasures.iter().enumerate() {
        let found = service.find(erasure.erasure_id).await.unwrap();
        assert_eq!(found.completed_at.is_some(), number < 9, "erasure {number}");
    }
}

#[tokio::test]
async fn users_without_a_password_must_have_signed_in_within_ten_minutes() {
    let test = TestChat::new().await;
    let of_proxy = Session::anonymous(SessionId::generate(), test.user_id);
    let at = test.chat.sessions.now();
    let sign_in = SignIn { at, device: String::new(), account_version: 0, provider: None };
    let session = Session { sign_in: Some(sign_in), ..of_proxy.clone() };
    let code = |session: &Session| {
        let checked = test.chat.accounts.check_recent_sign_in(session);
        checked.err().map(|error| error.code())
    };

    test.clock.advance(Duration::from_secs(599));
    let recent = code(&session);
    test.clock.advance(Duration::from_secs(1));

    assert_eq!((recent, code(&session)), (None, Some("recent_sign_in_needed")));
    assert_eq!(code(&of_proxy), None, "the proxy confirms the user");
}
