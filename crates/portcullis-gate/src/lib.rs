//! The Portcullis pipeline: authenticate, authorize, open the sealed credential, settle; and the admin actions.
