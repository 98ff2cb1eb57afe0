//! Any policy file: reading it does not panic, an error names a line that the text has, and no limit contradicts another.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_retention::{DataClass, Policies};

fuzz_target!(|text: &str| match Policies::parse(text) {
    Err(error) => assert!((1..=text.matches('\n').count() + 1).contains(&error.line())),
    Ok(policies) => {
        let named: Vec<_> = policies.named().collect();
        for (organization, project) in named {
            let policy = policies.policy(Some(organization), project);
            for class in DataClass::ALL {
                assert!(class.within().is_none_or(|outer| policy.days(class) <= policy.days(outer)));
                assert!(policy.days(class) <= policies.longest(class));
            }
        }
    }
});
