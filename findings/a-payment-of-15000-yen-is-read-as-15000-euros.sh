#!/usr/bin/env bash
# A reader of bank statements gives a payment from abroad the payer's amount and the account's currency.
#
# With pycamt 1.1.1, and bankstatementparser 0.0.29 to compare, on CPython 3.11.
# Expected by most: 15,000 yen that a bank took in as 92.40 euros, with both amounts in the entry's details as camt.053
#   has them, are 92.40 euros of the account, by which its balance goes from 1,000.00 to 1,092.40.
# Seen: 15,000 EUR, the first amount of the details with the currency of the entry; the second says 92.40. A payment in
#   euros has one amount in both places and is right. So an invoice of 92.40 is paid 162 times over.
# Take the amount and its currency from one element, and add the entries up to the closing balance.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pycamt==1.1.1 bankstatementparser==0.0.29
cat >"$folder/statement.xml" <<'XML'
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>MESSAGE</MsgId><CreDtTm>2026-11-05T06:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>STATEMENT</Id><ElctrncSeqNb>1</ElctrncSeqNb><CreDtTm>2026-11-05T06:00:00Z</CreDtTm>
<Acct><Id><IBAN>DE02120300000000202051</IBAN></Id><Ccy>EUR</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">1000.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
  <Dt><Dt>2026-11-04</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">1092.40</Amt><CdtDbtInd>CRDT</CdtDbtInd>
  <Dt><Dt>2026-11-05</Dt></Dt></Bal>
<Ntry><Amt Ccy="EUR">92.40</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>
  <BookgDt><Dt>2026-11-05</Dt></BookgDt><ValDt><Dt>2026-11-05</Dt></ValDt><AcctSvcrRef>REFERENCE</AcctSvcrRef>
  <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>XBCT</SubFmlyCd></Fmly></Domn></BkTxCd>
  <NtryDtls><TxDtls><Refs><EndToEndId>INVOICE-11</EndToEndId></Refs>
    <AmtDtls><InstdAmt><Amt Ccy="JPY">15000</Amt></InstdAmt>
      <TxAmt><Amt Ccy="EUR">92.40</Amt><CcyXchg><SrcCcy>JPY</SrcCcy><TrgtCcy>EUR</TrgtCcy><XchgRate>0.00616</XchgRate>
      </CcyXchg></TxAmt></AmtDtls></TxDtls></NtryDtls></Ntry>
</Stmt></BkToCstmrStmt></Document>
XML
"$folder/venv/bin/python" - "$folder/statement.xml" <<'PY'
import sys
from decimal import Decimal
from pathlib import Path

from bankstatementparser import CamtParser
from pycamt.parser import Camt053Parser

parser = Camt053Parser(Path(sys.argv[1]).read_bytes())
[entry] = parser.get_transactions()
[statement] = parser.get_statement_info()
seen = entry["Amount"], entry["Currency"], entry["CreditDebitIndicator"]
[compared] = CamtParser(sys.argv[1]).parse()[["Amount", "Currency", "DrCr"]].values.tolist()
balances = statement["OpeningBalance"], statement["ClosingBalance"]
print(seen, compared, balances)
assert seen == ("15000", "EUR", "CRDT"), seen
assert compared == [Decimal("92.40"), "EUR", "CRDT"], compared
assert [Decimal(balance) for balance in balances] == [1000, Decimal("1092.40")], balances
PY
