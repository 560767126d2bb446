//! Every event of every context: wire names, versions, upcasting, schemas
