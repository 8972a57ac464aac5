// Prints a visitor token, which says who a visitor is. In a console project (dotnet new console) with
// this file in place of Program.cs: dotnet run maren.quist@northwind.example
//
// Environment: VISITOR_TOKEN_SECRET and VISITOR_TOKEN_KID (the shared secret and its name),
// VISITOR_TOKEN_ISSUER, VISITOR_TOKEN_CONNECTION (the id of the connection; without it: default).

using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

public static class VisitorToken
{
    private const long Life = 10 * 60; // seconds; 24 hours at most

    // Only for a visitor who has proved that the address is theirs.
    public static string Create(string secret, string kid, string issuer, string connection, string email)
    {
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var header = new Dictionary<string, object> { ["alg"] = "HS256", ["typ"] = "JWT", ["kid"] = kid };
        var claims = new Dictionary<string, object>
        {
            ["iss"] = issuer,
            ["aud"] = connection,
            ["iat"] = now,
            ["exp"] = now + Life,
            ["email"] = email,
            ["email_verified"] = true,
        };
        string signed = Encoded(Json(header)) + "." + Encoded(Json(claims));
        using (var hmac = new HMACSHA256(Encoding.UTF8.GetBytes(secret)))
        {
            return signed + "." + Encoded(hmac.ComputeHash(Encoding.UTF8.GetBytes(signed)));
        }
    }

    private static byte[] Json(Dictionary<string, object> part)
    {
        return Encoding.UTF8.GetBytes(JsonSerializer.Serialize(part));
    }

    private static string Encoded(byte[] data)
    {
        return Convert.ToBase64String(data).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }

    private static string Variable(string name)
    {
        return Environment.GetEnvironmentVariable(name)
            ?? throw new InvalidOperationException(name + " is not set");
    }

    public static int Main(string[] args)
    {
        if (args.Length != 1)
        {
            Console.Error.WriteLine("usage: dotnet run EMAIL");
            return 1;
        }
        Console.WriteLine(Create(
            Variable("VISITOR_TOKEN_SECRET"),
            Variable("VISITOR_TOKEN_KID"),
            Variable("VISITOR_TOKEN_ISSUER"),
            Environment.GetEnvironmentVariable("VISITOR_TOKEN_CONNECTION") ?? "default",
            args[0]));
        return 0;
    }
}
