//! Tower middleware of Portcullis: protect any axum, hyper or tower route.
