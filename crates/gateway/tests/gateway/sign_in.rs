//! Signing in and out: the addresses themselves. The flow with a provider is tested where the provider is.

use crate::hub::Hub;
use axum::body::Body;
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{Method, Request, StatusCode};

#[tokio::test]
async fn an_unknown_provider_and_a_stale_answer_are_told_in_words() {
    let hub = Hub::start().await;
    let provider = "/sign-in/019a0000-0000-7000-8000-000000000001";
    for (uri, status) in [
        (provider.to_owned(), StatusCode::NOT_FOUND),
        (format!("{provider}/callback"), StatusCode::BAD_REQUEST),
        (format!("{provider}/callback?code=x&state=y"), StatusCode::BAD_REQUEST),
        (format!("{provider}/callback?error=%3Cscript%3E&state=y"), StatusCode::BAD_REQUEST),
    ] {
        let answer = hub.call(Request::builder().uri(&uri).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{uri}");
        let page = answer.body.as_str().unwrap();
        assert!(page.contains("You are not signed in") && !page.contains("<script"), "{page}");
        assert!(answer.headers.get(SET_COOKIE).is_none());
    }
}

#[tokio::test]
async fn signing_out_takes_the_forms_own_token() {
    let hub = Hub::start().await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    let opened = hub.session(&ann).await;
    let out = |token: String| {
        let body = url::form_urlencoded::Serializer::new(String::new()).append_pair("form_token", &token).finish();
        Request::builder()
            .method(Method::POST)
            .uri("/sign-out")
            .header(COOKIE, opened.cookie.pair())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap()
    };
    let foreign = hub.call(out("forged".to_owned())).await;
    assert_eq!((foreign.status, foreign.code()), (StatusCode::FORBIDDEN, "FORM_EXPIRED"));
    assert!(hub.identity.sessions.is_open(opened.session.id).await.unwrap());
    let good = hub.identity.sessions.form_token(&opened.session);
    let done = hub.call(out(good.clone())).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!(done.headers[LOCATION], "/");
    assert!(done.headers[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert!(!hub.identity.sessions.is_open(opened.session.id).await.unwrap());
    // Once more is no error.
    assert_eq!(hub.call(out(good)).await.status, StatusCode::SEE_OTHER);
}
