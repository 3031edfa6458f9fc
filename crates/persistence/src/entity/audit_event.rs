use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub event_at: i64,
    pub kind: String,
    pub portal_id: Option<String>,
    pub customer_id: Option<String>,
    pub session_id: Option<Uuid>,
    pub api_key_id: Option<Uuid>,
    pub api_key_display_name: String,
    pub claimed_actor: String,
    pub caller_address: String,
    pub request_id: String,
    pub client_ip: String,
    pub client_user_agent: String,
    pub reason: Option<String>,
    pub attributes: String,
    pub number: Option<i64>,
    pub chain_digest: Option<Vec<u8>>,
    pub chain_key_id: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
