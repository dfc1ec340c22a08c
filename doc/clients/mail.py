"""Mail as runs: python3 mail.py QUEUE. Parameters: from, to, subject, text. SMTP_HOST, SMTP_PORT and, where it wants
them, SMTP_USER and SMTP_PASSWORD say by which server. The id of the run is the message's, in all attempts."""
import os, smtplib, ssl, sys
from email.message import EmailMessage
from email.utils import formatdate
from worker import Final, complete, serve

def mail(db, run):
    message = EmailMessage()
    try:
        for name in "from", "to", "subject":
            message[name.title()] = run.params[name]
        message["Message-ID"] = f"<{run.run}@{message['From'].addresses[0].domain}>"
    except (ValueError, IndexError) as error:               # a line break in the subject, no address
        raise Final(str(error))
    message["Date"] = formatdate()
    message.set_content(run.params["text"])
    try:
        with smtplib.SMTP(os.environ.get("SMTP_HOST", "localhost"), os.environ.get("SMTP_PORT", 25), timeout=30) as smtp:
            if "SMTP_USER" in os.environ:
                smtp.starttls(context=ssl.create_default_context())
                smtp.login(os.environ["SMTP_USER"], os.environ["SMTP_PASSWORD"])
            refused = smtp.send_message(message)
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
        codes = [code for code, _ in getattr(error, "recipients", {}).values()] or [error.smtp_code]
        raise Final(str(error)) if min(codes) >= 500 else error
    complete(db, run, {"message": message["Message-ID"], "refused": sorted(refused)})

serve(sys.argv[1], mail)
