#include "tls/authority.h"

#include "base/memory.h"
#include "tls/openssl.h"

enum { SERIAL_BITS = 128, CA_NAME_BITS = 48 };

const struct certificate_profile profile_webhook = {
	.key = CERTIFICATE_KEY_P256,
	.ca_lifetime = CA_LIFETIME,
	.serving_lifetime = SERVING_LIFETIME,
};
const struct certificate_profile profile_sql_server = {
	.key = CERTIFICATE_KEY_RSA_2048,
	.ca_lifetime = (int64_t)10 * 365 * 24 * 3600,
	.serving_lifetime = (int64_t)365 * 24 * 3600,
};

static EVP_PKEY *new_key(const struct certificate_profile *profile) {
	return profile->key == CERTIFICATE_KEY_P256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
}

/* With an RSA key, TLS 1.2 may have the client encrypt with it. */
static const char *usage_of(const struct certificate_profile *profile) {
	if (profile->key == CERTIFICATE_KEY_P256) return "critical,digitalSignature";
	return "critical,digitalSignature,keyEncipherment";
}

static BIGNUM *random_number(int bits) {
	BIGNUM *number = BN_new();
	if (number != NULL && BN_rand(number, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1) return number;
	BN_free(number);
	return NULL;
}

/* RFC 5280 4.1.2.2 asks for a positive number of at most 20 octets. */
static bool set_random_serial(X509 *certificate) {
	cleanup_bignum BIGNUM *serial = random_number(SERIAL_BITS);
	return serial != NULL && BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) != NULL;
}

static bool set_subject(X509 *certificate, const char *common_name) {
	X509_NAME *name = X509_get_subject_name(certificate);
	return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"agkeeper", -1, -1, 0) &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0);
}

static bool set_validity(X509 *certificate, int64_t from, int64_t to) {
	return ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)from) != NULL &&
	       ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)to) != NULL;
}

struct extension {
	int nid;
	const char *value; /* in OpenSSL's notation: constants only, never outside data */
};

static bool add_extensions(X509 *certificate, X509 *issuer, const struct extension *extensions, size_t count) {
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	for (size_t i = 0; i < count; i++) {
		cleanup_x509_extension X509_EXTENSION *extension =
		        X509V3_EXT_nconf_nid(NULL, &context, extensions[i].nid, extensions[i].value);
		if (extension == NULL || X509_add_ext(certificate, extension, -1) != 1) return false;
	}
	return true;
}

/* The identifiers stand behind the rest: they are made from the keys, which must be set before. */
static const struct extension ca_extensions[] = {
	{ NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
	{ NID_key_usage, "critical,keyCertSign,cRLSign" },
	{ NID_subject_key_identifier, "hash" },
	{ NID_authority_key_identifier, "keyid:always" },
};

static const struct extension serving_extensions[] = {
	{ NID_basic_constraints, "critical,CA:FALSE" },
	{ NID_ext_key_usage, "serverAuth" },
	{ NID_subject_key_identifier, "hash" },
	{ NID_authority_key_identifier, "keyid:always" },
};

static bool add_name(GENERAL_NAMES *all, const char *text) {
	GENERAL_NAME *name = GENERAL_NAME_new();
	if (name == NULL || sk_GENERAL_NAME_push(all, name) == 0) return GENERAL_NAME_free(name), false;
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(text);
	if (address != NULL) return GENERAL_NAME_set0_value(name, GEN_IPADD, address), true;
	ERR_clear_error(); /* no IP address: a DNS name */
	ASN1_IA5STRING *host = ASN1_IA5STRING_new();
	if (host == NULL || ASN1_STRING_set(host, text, -1) != 1) return ASN1_IA5STRING_free(host), false;
	GENERAL_NAME_set0_value(name, GEN_DNS, host);
	return true;
}

static bool add_names(X509 *certificate, const char *const *names) {
	cleanup_general_names GENERAL_NAMES *all = GENERAL_NAMES_new();
	if (all == NULL) return false;
	for (; *names != NULL; names++) {
		if (!add_name(all, *names)) return false;
	}
	return X509_add1_ext_i2d(certificate, NID_subject_alt_name, all, 0, 0) == 1;
}

/* What CA and server certificates have in common: all but issuer, extensions and signature. */
static X509 *new_certificate(EVP_PKEY *key, int64_t from, int64_t to, const char *common_name) {
	X509 *certificate = X509_new();
	if (certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 &&
	    set_random_serial(certificate) && set_validity(certificate, from, to) &&
	    set_subject(certificate, common_name) && X509_set_pubkey(certificate, key) == 1)
		return certificate;
	X509_free(certificate);
	return NULL;
}

static bool sign(X509 *certificate, X509 *issuer, EVP_PKEY *issuer_key) {
	return X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
	       X509_sign(certificate, issuer_key, EVP_sha256()) != 0;
}

static int hand_out(X509 *certificate, EVP_PKEY *key, struct identity *identity, struct error **err) {
	cleanup_identity struct identity made = { 0 };
	made.certificate = certificate_to_pem(certificate, err);
	if (made.certificate == NULL) return -1;
	made.key = key_to_pem(key, err);
	if (made.key == NULL) return -1;
	identity_free(identity);
	identity->certificate = take(&made.certificate);
	identity->key = take(&made.key);
	return 0;
}

static char *new_ca_name(void) {
	cleanup_bignum BIGNUM *number = random_number(CA_NAME_BITS);
	char *digits = number != NULL ? BN_bn2hex(number) : NULL;
	if (digits == NULL) return NULL;
	char *name = xasprintf("agkeeper CA %s", digits);
	OPENSSL_free(digits);
	return name;
}

int authority_create(const struct certificate_profile *profile, int64_t now, struct identity *ca, struct error **err) {
	ERR_clear_error();
	cleanup_free char *name = new_ca_name();
	cleanup_pkey EVP_PKEY *key = name != NULL ? new_key(profile) : NULL;
	if (key == NULL) return openssl_error(err, ERROR_INTERNAL, "making a CA's key");
	cleanup_x509 X509 *certificate =
	        new_certificate(key, now - CERTIFICATE_BACKDATE, now + profile->ca_lifetime, name);
	if (certificate == NULL ||
	    !add_extensions(certificate, certificate, ca_extensions, ARRAY_LENGTH(ca_extensions)) ||
	    !sign(certificate, certificate, key))
		return openssl_error(err, ERROR_INTERNAL, "making a CA certificate");
	return hand_out(certificate, key, ca, err);
}

static int64_t later(int64_t a, int64_t b) {
	return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b) {
	return a < b ? a : b;
}

int authority_issue(const struct certificate_profile *profile, const struct identity *ca, const char *const *names,
                    int64_t now, struct identity *serving, struct error **err) {
	if (names[0] == NULL) return error_set(err, ERROR_INVALID, "a server certificate needs a name");
	if (identity_check(ca, err) < 0) return error_prefix(err, "the CA cannot sign");
	struct certificate_facts ca_facts;
	if (certificate_read(ca->certificate, &ca_facts, err) < 0) return -1;
	cleanup_x509 X509 *issuer = certificate_from_pem(ca->certificate, err);
	cleanup_pkey EVP_PKEY *issuer_key = key_from_pem(ca->key, err);
	if (issuer == NULL || issuer_key == NULL) return -1;

	cleanup_pkey EVP_PKEY *key = new_key(profile);
	if (key == NULL) return openssl_error(err, ERROR_INTERNAL, "making a server's key");
	int64_t from = later(now - CERTIFICATE_BACKDATE, ca_facts.not_before);
	int64_t to = earlier(now + profile->serving_lifetime, ca_facts.not_after);
	cleanup_x509 X509 *certificate = new_certificate(key, from, to, "agkeeper");
	const struct extension usage = { NID_key_usage, usage_of(profile) };
	if (certificate == NULL || !add_extensions(certificate, issuer, &usage, 1) ||
	    !add_extensions(certificate, issuer, serving_extensions, ARRAY_LENGTH(serving_extensions)) ||
	    !add_names(certificate, names) || !sign(certificate, issuer, issuer_key))
		return openssl_error(err, ERROR_INTERNAL, "making a server certificate");
	return hand_out(certificate, key, serving, err);
}
