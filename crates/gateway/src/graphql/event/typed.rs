//! How the types of events are written down.

/// The types of an aggregate's events: what every event says, and what this one says besides.
macro_rules! typed {
    ($($(#[$doc:meta])* $event:ident $(($details:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }))?;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, MergedObject)]
        pub struct $event(Happening $(, $details)?);

        /// What every event says, so that the interface finds it.
        impl std::ops::Deref for $event {
            type Target = Happening;
            fn deref(&self) -> &Happening {
                &self.0
            }
        }

        $(
            #[doc = concat!("What a [`", stringify!($event), "`] says besides.")]
            #[derive(Clone, Debug, SimpleObject)]
            struct $details {
                $($(#[$field_doc])* $field: $type,)*
            }
        )?
    )*};
}
