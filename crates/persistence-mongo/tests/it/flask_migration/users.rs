//! Tests of listing the users of the Flask application.

use mongodb::bson::{Bson, Document};
use webchat_persistence_mongo::{FlaskUser, flask_user_id};

use super::legacy_database::{BACKUP, LegacyDatabase, legacy_document, object_id};

/// The number of users with a name, each of whom has two conversations.
const USERS: u32 = 1_000;

fn document(number: u32, user_id: Option<Bson>) -> Document {
    let id = format!("c0000000-0000-4000-8000-{number:012}");
    let mut document = legacy_document(object_id(number), &id, "", &[("user", "Why two tides?")]);
    match user_id {
        Some(user_id) => drop(document.insert("user_id", user_id)),
        None => drop(document.remove("user_id")),
    }
    document
}

#[tokio::test]
async fn all_users_are_listed_before_and_after_the_migration() {
    let database = LegacyDatabase::new().await;
    let named = |number: u32| Some(format!("user {:04}", number / 2).into());
    let mut documents: Vec<_> = (0..2 * USERS).map(|n| document(n, named(n))).collect();
    let odd = [Some(Bson::Int32(7)), Some("7".into()), Some(Bson::Null), None, Some(true.into())];
    documents.extend((2 * USERS..).zip(odd).map(|(number, user_id)| document(number, user_id)));
    database.insert(&documents).await;
    database.prepare().await;
    let migration = database.migration().await;

    let before = migration.users().await.unwrap();
    migration.run(drop).await.unwrap();
    let after = migration.users().await.unwrap();

    let user = |legacy_id: String| FlaskUser {
        user_id: flask_user_id(&legacy_id),
        legacy_id,
        conversations: 2,
    };
    let others = ["7", "anonymous"].map(str::to_owned).into_iter();
    let named = (0..USERS).map(|number| format!("user {number:04}"));
    let expected: Vec<_> = others.chain(named).map(user).collect();
    assert!(before == expected, "{:?}", before.iter().take(5).collect::<Vec<_>>());
    assert!(after == expected, "{:?}", after.iter().take(5).collect::<Vec<_>>());

    // Without the backup, nobody knows the ids any more.
    database.collection::<Document>(BACKUP).drop().await.unwrap();
    assert_eq!(migration.users().await.unwrap(), []);
}
