-- Finding people: the LDAP server's certificate, and address lists that are filled in sets.

-- ---------------------------------------------------------------------------------------------
-- LDAP

ALTER TABLE easel.domain ADD ldap_ca text CHECK (ldap_ca LIKE '%-----BEGIN CERTIFICATE-----%');
COMMENT ON COLUMN easel.domain.ldap_ca IS 'Certificates in PEM that the LDAP server''s certificate must come from (or be); NULL: those that the system trusts.';
