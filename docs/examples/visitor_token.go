// Prints a visitor token, which says who a visitor is: go run visitor_token.go maren.quist@northwind.example
//
// Environment: VISITOR_TOKEN_SECRET and VISITOR_TOKEN_KID (the shared secret and its name),
// VISITOR_TOKEN_ISSUER, VISITOR_TOKEN_CONNECTION (the id of the connection; without it: default).
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

const life = 10 * time.Minute // 24 hours at most

// Only for a visitor who has proved that the address is theirs.
func visitorToken(secret, kid, issuer, connection, email string) (string, error) {
	now := time.Now()
	header, err := encoded(map[string]any{"alg": "HS256", "typ": "JWT", "kid": kid})
	if err != nil {
		return "", err
	}
	claims, err := encoded(map[string]any{
		"iss":            issuer,
		"aud":            connection,
		"iat":            now.Unix(),
		"exp":            now.Add(life).Unix(),
		"email":          email,
		"email_verified": true,
	})
	if err != nil {
		return "", err
	}
	signed := header + "." + claims
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

func encoded(part map[string]any) (string, error) {
	text, err := json.Marshal(part)
	return base64.RawURLEncoding.EncodeToString(text), err
}

func variable(name string) string {
	value := os.Getenv(name)
	if value == "" {
		fail(name + " is not set")
	}
	return value
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}

func main() {
	if len(os.Args) != 2 {
		fail("usage: go run visitor_token.go EMAIL")
	}
	connection := os.Getenv("VISITOR_TOKEN_CONNECTION")
	if connection == "" {
		connection = "default"
	}
	token, err := visitorToken(
		variable("VISITOR_TOKEN_SECRET"), variable("VISITOR_TOKEN_KID"),
		variable("VISITOR_TOKEN_ISSUER"), connection, os.Args[1])
	if err != nil {
		fail(err.Error())
	}
	fmt.Println(token)
}
