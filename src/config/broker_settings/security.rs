//! Broker settings of TLS, SASL, delegation tokens and access control. None of it is there yet, so that a broker that was told to protect
//! something does not start: only the defaults are taken.

use crate::config::def::{ConfigDef, Importance};
use crate::config::reasons::{NO_ACLS, NO_SASL, NO_TLS};

pub(super) const SETTINGS: &[ConfigDef] = &[
    ConfigDef::text("authorizer.class.name", Some(""))
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_ACLS)
        .doc("Class that decides who may do what."),
    ConfigDef::int("connection.failed.authentication.delay.ms", Some("100"))
        .at_least(0)
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_SASL)
        .doc("Wait before a connection that failed to authenticate is closed."),
    ConfigDef::long("connections.max.reauth.ms", Some("0"))
        .read_only()
        .unavailable(NO_SASL)
        .doc("Time after which a client has to authenticate again; 0 means never."),
    ConfigDef::long("delegation.token.expiry.check.interval.ms", Some("3600000"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_SASL)
        .doc("How often expired delegation tokens are removed."),
    ConfigDef::long("delegation.token.expiry.time.ms", Some("86400000"))
        .at_least(1)
        .read_only()
        .unavailable(NO_SASL)
        .doc("Time a delegation token is valid without renewal."),
    ConfigDef::long("delegation.token.max.lifetime.ms", Some("604800000"))
        .at_least(1)
        .read_only()
        .unavailable(NO_SASL)
        .doc("Longest life of a delegation token, renewals included."),
    ConfigDef::password("delegation.token.secret.key", None)
        .read_only()
        .unavailable(NO_SASL)
        .doc("Secret that delegation tokens are signed with."),
    ConfigDef::class(
        "principal.builder.class",
        Some("org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder"),
    )
    .per_broker()
    .unavailable(NO_SASL)
    .doc("Class that names who is behind a connection."),
    ConfigDef::class("sasl.client.callback.handler.class", None)
        .read_only()
        .unavailable(NO_SASL)
        .doc("Class that answers the client side's questions for credentials."),
    ConfigDef::list("sasl.enabled.mechanisms", Some("GSSAPI"))
        .per_broker()
        .unavailable(NO_SASL)
        .doc("SASL mechanisms that clients may use."),
    ConfigDef::password("sasl.jaas.config", None)
        .per_broker()
        .unavailable(NO_SASL)
        .doc("Login context of SASL connections."),
    ConfigDef::text("sasl.kerberos.kinit.cmd", Some("/usr/bin/kinit"))
        .per_broker()
        .unavailable(NO_SASL)
        .doc("Path of the Kerberos `kinit` command."),
    ConfigDef::long("sasl.kerberos.min.time.before.relogin", Some("60000"))
        .per_broker()
        .unavailable(NO_SASL)
        .doc("Shortest pause between two Kerberos logins, in milliseconds."),
    ConfigDef::list("sasl.kerberos.principal.to.local.rules", Some("DEFAULT"))
        .per_broker()
        .unavailable(NO_SASL)
        .doc("Rules that turn Kerberos principals into short names."),
    ConfigDef::text("sasl.kerberos.service.name", None)
        .per_broker()
        .unavailable(NO_SASL)
        .doc("Kerberos name the broker runs under."),
    ConfigDef::double("sasl.kerberos.ticket.renew.jitter", Some("0.05"))
        .per_broker()
        .unavailable(NO_SASL)
        .doc("Random part added to the time of a ticket's renewal."),
    ConfigDef::double("sasl.kerberos.ticket.renew.window.factor", Some("0.8"))
        .per_broker()
        .unavailable(NO_SASL)
        .doc("Part of a ticket's life after which it is renewed."),
    ConfigDef::class("sasl.login.callback.handler.class", None)
        .read_only()
        .unavailable(NO_SASL)
        .doc("Class that answers questions for credentials at login."),
    ConfigDef::class("sasl.login.class", None).read_only().unavailable(NO_SASL).doc("Class that logs in."),
    ConfigDef::int("sasl.login.connect.timeout.ms", None)
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_SASL)
        .doc("Longest time to connect to an outside authentication provider."),
    ConfigDef::int("sasl.login.read.timeout.ms", None)
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_SASL)
        .doc("Longest wait for an answer of an outside authentication provider."),
    ConfigDef::short("sasl.login.refresh.buffer.seconds", Some("300"))
        .per_broker()
        .unavailable(NO_SASL)
        .doc("Least time left before a credential expires when it is refreshed."),
    ConfigDef::short("sasl.login.refresh.min.period.seconds", Some("60"))
        .per_broker()
        .unavailable(NO_SASL)
        .doc("Least time between two refreshes of a credential."),
    ConfigDef::double("sasl.login.refresh.window.factor", Some("0.8"))
        .per_broker()
        .unavailable(NO_SASL)
        .doc("Part of a credential's life after which it is refreshed."),
    ConfigDef::double("sasl.login.refresh.window.jitter", Some("0.05"))
        .per_broker()
        .unavailable(NO_SASL)
        .doc("Random part added to the time of a credential's refresh."),
    ConfigDef::long("sasl.login.retry.backoff.max.ms", Some("10000"))
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_SASL)
        .doc("Longest pause between tries to log in with a provider."),
    ConfigDef::long("sasl.login.retry.backoff.ms", Some("100"))
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_SASL)
        .doc("First pause between tries to log in with a provider."),
    ConfigDef::text("sasl.mechanism.controller.protocol", Some("GSSAPI"))
        .read_only()
        .importance(Importance::High)
        .unavailable(NO_SASL)
        .doc("SASL mechanism towards controllers."),
    ConfigDef::text("sasl.mechanism.inter.broker.protocol", Some("GSSAPI"))
        .per_broker()
        .unavailable(NO_SASL)
        .doc("SASL mechanism between brokers."),
    ConfigDef::boolean("sasl.oauthbearer.allow.unverified.audience", Some("false"))
        .read_only()
        .unavailable(NO_SASL)
        .doc("Take OAuth tokens whose audience is not checked."),
    ConfigDef::boolean("sasl.oauthbearer.allow.unverified.issuer", Some("false"))
        .read_only()
        .unavailable(NO_SASL)
        .doc("Take OAuth tokens whose issuer is not checked."),
    ConfigDef::text("sasl.oauthbearer.assertion.algorithm", Some("RS256"))
        .one_of_any_case(&["ES256", "RS256"])
        .read_only()
        .unavailable(NO_SASL)
        .doc("Algorithm that signs OAuth assertions."),
    ConfigDef::text("sasl.oauthbearer.assertion.claim.aud", None)
        .read_only()
        .unavailable(NO_SASL)
        .doc("Audience claim of OAuth assertions."),
    ConfigDef::int("sasl.oauthbearer.assertion.claim.exp.seconds", Some("300"))
        .between(0, 86400)
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_SASL)
        .doc("Seconds until an OAuth assertion expires."),
    ConfigDef::text("sasl.oauthbearer.assertion.claim.iss", None)
        .read_only()
        .unavailable(NO_SASL)
        .doc("Issuer claim of OAuth assertions."),
    ConfigDef::boolean("sasl.oauthbearer.assertion.claim.jti.include", Some("false"))
        .read_only()
        .unavailable(NO_SASL)
        .doc("Give each OAuth assertion an id of its own."),
    ConfigDef::int("sasl.oauthbearer.assertion.claim.nbf.seconds", Some("60"))
        .between(0, 3600)
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_SASL)
        .doc("Seconds before its creation from which an OAuth assertion is valid."),
    ConfigDef::text("sasl.oauthbearer.assertion.claim.sub", None)
        .read_only()
        .unavailable(NO_SASL)
        .doc("Subject claim of OAuth assertions."),
    ConfigDef::text("sasl.oauthbearer.assertion.file", None)
        .read_only()
        .unavailable(NO_SASL)
        .doc("File with a ready OAuth assertion."),
    ConfigDef::text("sasl.oauthbearer.assertion.private.key.file", None)
        .read_only()
        .unavailable(NO_SASL)
        .doc("File with the key that signs OAuth assertions."),
    ConfigDef::password("sasl.oauthbearer.assertion.private.key.passphrase", None)
        .read_only()
        .unavailable(NO_SASL)
        .doc("Passphrase of the key that signs OAuth assertions."),
    ConfigDef::text("sasl.oauthbearer.assertion.template.file", None)
        .read_only()
        .unavailable(NO_SASL)
        .doc("File with the header and claims of OAuth assertions."),
    ConfigDef::text("sasl.oauthbearer.client.credentials.client.id", None)
        .read_only()
        .unavailable(NO_SASL)
        .doc("Client id of the OAuth client-credentials grant."),
    ConfigDef::password("sasl.oauthbearer.client.credentials.client.secret", None)
        .read_only()
        .unavailable(NO_SASL)
        .doc("Secret of the OAuth client-credentials grant."),
    ConfigDef::int("sasl.oauthbearer.clock.skew.seconds", Some("30"))
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_SASL)
        .doc("Difference of clocks that is forgiven when OAuth tokens are checked."),
    ConfigDef::list("sasl.oauthbearer.expected.audience", Some(""))
        .read_only()
        .importance(Importance::High)
        .unavailable(NO_SASL)
        .doc("Audiences of OAuth tokens that are taken."),
    ConfigDef::text("sasl.oauthbearer.expected.issuer", None)
        .read_only()
        .importance(Importance::High)
        .unavailable(NO_SASL)
        .doc("Issuer of OAuth tokens that are taken."),
    ConfigDef::long("sasl.oauthbearer.jwks.endpoint.refresh.ms", Some("3600000"))
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_SASL)
        .doc("How often the keys of an OAuth provider are fetched."),
    ConfigDef::long("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Some("10000"))
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_SASL)
        .doc("Longest pause between tries to fetch an OAuth provider's keys."),
    ConfigDef::long("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Some("100"))
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_SASL)
        .doc("First pause between tries to fetch an OAuth provider's keys."),
    ConfigDef::text("sasl.oauthbearer.jwks.endpoint.url", None)
        .read_only()
        .unavailable(NO_SASL)
        .doc("Where the keys of an OAuth provider are."),
    ConfigDef::class(
        "sasl.oauthbearer.jwt.retriever.class",
        Some("org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever"),
    )
    .read_only()
    .unavailable(NO_SASL)
    .doc("Class that fetches OAuth tokens."),
    ConfigDef::class(
        "sasl.oauthbearer.jwt.validator.class",
        Some("org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator"),
    )
    .read_only()
    .unavailable(NO_SASL)
    .doc("Class that checks OAuth tokens."),
    ConfigDef::text("sasl.oauthbearer.scope", None)
        .read_only()
        .unavailable(NO_SASL)
        .doc("Scope to ask an OAuth provider for."),
    ConfigDef::text("sasl.oauthbearer.scope.claim.name", Some("scope"))
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_SASL)
        .doc("Claim of an OAuth token that holds the scope."),
    ConfigDef::text("sasl.oauthbearer.sub.claim.name", Some("sub"))
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_SASL)
        .doc("Claim of an OAuth token that holds the subject."),
    ConfigDef::text("sasl.oauthbearer.token.endpoint.url", None)
        .read_only()
        .unavailable(NO_SASL)
        .doc("Where an OAuth provider gives out tokens."),
    ConfigDef::class("sasl.server.callback.handler.class", None)
        .read_only()
        .unavailable(NO_SASL)
        .doc("Class that checks the credentials of clients."),
    ConfigDef::int("sasl.server.max.receive.size", Some("524288"))
        .read_only()
        .unavailable(NO_SASL)
        .doc("Largest SASL message before a client is known."),
    ConfigDef::text("security.providers", None)
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_TLS)
        .doc("Classes that bring Java security providers."),
    ConfigDef::boolean("ssl.allow.dn.changes", Some("false"))
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_TLS)
        .doc("Let a new certificate have another distinguished name."),
    ConfigDef::boolean("ssl.allow.san.changes", Some("false"))
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_TLS)
        .doc("Let a new certificate have other alternative names."),
    ConfigDef::list("ssl.cipher.suites", Some(""))
        .per_broker()
        .unavailable(NO_TLS)
        .doc("TLS cipher suites that may be used."),
    ConfigDef::text("ssl.client.auth", Some("none"))
        .one_of(&["required", "requested", "none"])
        .per_broker()
        .unavailable(NO_TLS)
        .doc("Whether clients have to show a certificate."),
    ConfigDef::list("ssl.enabled.protocols", Some("TLSv1.2,TLSv1.3"))
        .per_broker()
        .unavailable(NO_TLS)
        .doc("TLS versions that may be used."),
    ConfigDef::text("ssl.endpoint.identification.algorithm", Some("https"))
        .per_broker()
        .importance(Importance::Low)
        .unavailable(NO_TLS)
        .doc("How a server's name is checked against its certificate."),
    ConfigDef::class("ssl.engine.factory.class", None)
        .per_broker()
        .importance(Importance::Low)
        .unavailable(NO_TLS)
        .doc("Class that makes TLS engines."),
    ConfigDef::password("ssl.key.password", None).per_broker().unavailable(NO_TLS).doc("Password of the private key."),
    ConfigDef::text("ssl.keymanager.algorithm", Some("SunX509"))
        .per_broker()
        .unavailable(NO_TLS)
        .doc("Algorithm of the key manager."),
    ConfigDef::password("ssl.keystore.certificate.chain", None)
        .per_broker()
        .unavailable(NO_TLS)
        .doc("Certificate chain as PEM."),
    ConfigDef::password("ssl.keystore.key", None).per_broker().unavailable(NO_TLS).doc("Private key as PEM."),
    ConfigDef::text("ssl.keystore.location", None).per_broker().unavailable(NO_TLS).doc("File of the key store."),
    ConfigDef::password("ssl.keystore.password", None)
        .per_broker()
        .unavailable(NO_TLS)
        .doc("Password of the key store."),
    ConfigDef::text("ssl.keystore.type", Some("JKS")).per_broker().unavailable(NO_TLS).doc("Format of the key store."),
    ConfigDef::text("ssl.principal.mapping.rules", Some("DEFAULT"))
        .read_only()
        .importance(Importance::Low)
        .unavailable(NO_TLS)
        .doc("Rules that turn names of certificates into user names."),
    ConfigDef::text("ssl.protocol", Some("TLSv1.3")).per_broker().unavailable(NO_TLS).doc("TLS version to begin with."),
    ConfigDef::text("ssl.provider", None).per_broker().unavailable(NO_TLS).doc("Java security provider of TLS."),
    ConfigDef::text("ssl.secure.random.implementation", None)
        .per_broker()
        .importance(Importance::Low)
        .unavailable(NO_TLS)
        .doc("Source of random numbers of TLS."),
    ConfigDef::text("ssl.trustmanager.algorithm", Some("PKIX"))
        .per_broker()
        .unavailable(NO_TLS)
        .doc("Algorithm of the trust manager."),
    ConfigDef::password("ssl.truststore.certificates", None)
        .per_broker()
        .unavailable(NO_TLS)
        .doc("Trusted certificates as PEM."),
    ConfigDef::text("ssl.truststore.location", None).per_broker().unavailable(NO_TLS).doc("File of the trust store."),
    ConfigDef::password("ssl.truststore.password", None)
        .per_broker()
        .unavailable(NO_TLS)
        .doc("Password of the trust store."),
    ConfigDef::text("ssl.truststore.type", Some("JKS"))
        .per_broker()
        .unavailable(NO_TLS)
        .doc("Format of the trust store."),
];
